/**
 * One `lockstep train` as a user starts it, with its coordinator and workers as processes of their own, and the times
 * at which it told its commits.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const EXECUTABLE = fileURLToPath(new URL('../../apps/coordinator/bin/lockstep.mjs', import.meta.url));
const KEPT_CHARACTERS = 4_000;

/** Nothing that a developer has set may change what is measured. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_') || name === 'LOCKSTEP_CACHE'),
);

export interface Commit {
  readonly step: number;
  readonly loss: number;
  readonly characters: number;
  /** Since the command was started. */
  readonly atMs: number;
}

export interface TrainingWatch {
  /** Called for each commit; `true` ends the run. */
  readonly onCommit?: (commit: Commit) => boolean;
}

/**
 * Runs it to its end.
 * @param args after `lockstep train`
 * @param before what the command is run by; nothing by default
 * @throws Error with its last words when it fails
 */
export async function train(
  scratch: string,
  args: readonly string[],
  watch: TrainingWatch = {},
  before: readonly string[] = [],
): Promise<Commit[]> {
  const folder = mkdtempSync(join(scratch, 'train-'));
  const startMs = performance.now();
  const own = [process.execPath, EXECUTABLE, 'train', ...args, '--run-dir', join(folder, 'run'), '--json'];
  const [program = '', ...rest] = [...before, ...own];
  const child = spawn(program, rest, {
    cwd: folder,
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  let complaints = '';
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-KEPT_CHARACTERS)));
  const commits: Commit[] = [];
  let isStopping = false;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
      if (event['event'] !== 'step') continue;
      const atMs = performance.now() - startMs;
      const [step, loss, characters] = ['step', 'loss', 'characters'].map((name) => Number(event[name]));
      const commit = { step: step ?? 0, loss: loss ?? 0, characters: characters ?? 0, atMs };
      commits.push(commit);
      // Once: a second one would end the run without its last checkpoint.
      if (!isStopping && watch.onCommit?.(commit) === true) isStopping = child.kill('SIGINT');
    }
    const code = await ended;
    if (code !== 0) throw new Error(`lockstep train ended with ${code}: ${complaints.trim().split('\n').at(-1) ?? ''}`);
    return commits;
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Characters a second after the first `warmUp` commits. */
export function rateOf(commits: readonly Commit[], warmUp: number): number {
  const [first, last] = [commits[warmUp - 1], commits.at(-1)];
  if (first === undefined || last === undefined || last.atMs <= first.atMs) throw new Error('too few steps for a rate');
  const characters = commits.slice(warmUp).reduce((sum, commit) => sum + commit.characters, 0);
  return (characters * 1000) / (last.atMs - first.atMs);
}
