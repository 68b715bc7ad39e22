/**
 * Starts the real `lockstep` command as a process, as a user would, and waits for what it says. Whatever a test
 * starts is ended when the test ends, by process id; every wait has a deadline.
 */
import { openJournal } from '@lockstep/checkpoint';
import type { JournalLine } from '@lockstep/checkpoint';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const EXECUTABLE = fileURLToPath(new URL('../../apps/coordinator/bin/lockstep.mjs', import.meta.url));
const DEADLINE_MS = 120_000;
const LOOK_AGAIN_MS = 20;

/** Environment of the children: nothing a developer has set may change what a test sees. */
const CLEAN_ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_') || name === 'LOCKSTEP_CACHE'),
);

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type JsonEvent = Readonly<Record<string, unknown>> & { readonly event: string };

interface ProcessOptions {
  /** A temporary folder when not given. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly inHook?: boolean;
}

export class LockstepProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: ProcessOptions = {}) {
    this.child = spawn(process.execPath, [EXECUTABLE, ...args], {
      cwd: options.cwd ?? temporaryFolder(),
      env: { ...CLEAN_ENVIRONMENT, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (text: Buffer) => (this.stdout += text.toString()));
    this.child.stderr?.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.finished = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
    // In a hook there is no running test; what it starts it waits for.
    if (options.inHook !== true) onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the process was not started');
    return this.child.pid;
  }

  /** Events printed so far with `--json`; a line still being written is left out. */
  get events(): readonly JsonEvent[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JsonEvent);
  }

  /** Waits for the first event that fits. */
  async event(fits: (event: JsonEvent) => boolean): Promise<JsonEvent> {
    return waitFor(`an event of lockstep (stderr: ${this.stderr})`, () => this.events.find(fits));
  }

  /** Waits for the end. */
  async end(): Promise<Finished> {
    const deadline = delay(DEADLINE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`lockstep has not ended: ${this.stdout.slice(-2000)} ${this.stderr}`);
    });
    return Promise.race([this.finished, deadline]);
  }
}

/** Runs a command to its end. */
export async function lockstep(args: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
  return new LockstepProcess(args, options).end();
}

/** A folder that the caller removes, for set-up that outlives one test. */
export function sharedFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Asks again and again until there is an answer. */
export async function waitFor<T>(what: string, ask: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE_MS} ms in vain for ${what}`);
    await delay(LOOK_AGAIN_MS);
  }
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A text with something to learn: 40 different lines of words, in an order that repeats. */
export function writeText(folder: string, name = 'text.txt'): string {
  const words = ['lock', 'step', 'shard', 'worker', 'batch', 'epoch', 'tensor', 'gradient', 'sum', 'tree'];
  const line = (i: number): string => `${words[i % 10]} ${words[(i * 3 + 1) % 10]} ${words[(i * 7 + 2) % 10]}.`;
  const path = join(folder, name);
  writeFileSync(path, Array.from({ length: 400 }, (_, i) => line(i % 40)).join('\n'));
  return path;
}

/** Arguments of a small run on a text of its own, in a folder of its own. */
export function tinyRun(...more: readonly string[]): { readonly run: string; readonly args: readonly string[] } {
  const folder = temporaryFolder();
  const run = join(folder, 'run');
  const fixed = ['--preset', 'tiny', '--engine', 'wasm', '--run-dir', run];
  return { run, args: ['train', '--text', writeText(folder), ...fixed, ...more] };
}

/** Living processes whose command line names this run. */
export function processesOf(runId: string): readonly number[] {
  return processesNaming(runId);
}

/** Living processes whose command line has all these words; one that ends while they are read is none of them. */
function processesNaming(...words: readonly string[]): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const alive = !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return alive && words.every((word) => commandLine.includes(word));
      } catch {
        return false;
      }
    })
    .map(Number);
}

export function readJson(...path: readonly string[]): Record<string, unknown> {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;
}

export function journalOf(runDirectory: string): readonly Record<string, unknown>[] {
  const lines = readFileSync(join(runDirectory, 'journal.ndjson'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Writes the journal of a run anew, with the checksums that fit: what another computation would have left. */
export async function rewriteJournal(
  runDirectory: string,
  change: (line: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const path = join(runDirectory, 'journal.ndjson');
  const lines = journalOf(runDirectory).map(({ sum: _, ...line }) => change(line));
  rmSync(path);
  const journal = await openJournal(path);
  await Promise.all(lines.map((line) => journal.append(line as JournalLine)));
  await journal.close();
}

/** Journal lines of the committed steps. */
export function stepsOf(runDirectory: string): readonly Record<string, unknown>[] {
  return journalOf(runDirectory).filter(({ kind }) => kind === 'step');
}

/** Living worker processes of a run, without its supervisor and its coordinator. */
export function workersOf(runId: string): readonly number[] {
  return processesNaming(runId, '\0worker\0');
}

/** Takes all checkpoints of a run away but that of one step. */
export function removeCheckpointsBut(runDirectory: string, step: number): void {
  const folder = join(runDirectory, 'checkpoints');
  const kept = `step-${String(step).padStart(6, '0')}`;
  for (const name of readdirSync(folder)) if (name !== kept) rmSync(join(folder, name), { recursive: true });
}
