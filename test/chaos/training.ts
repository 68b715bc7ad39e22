/**
 * One run as a whole: `lockstep train` with its coordinator and two workers, and a third worker on "another machine",
 * which reaches the coordinator through the proxy only. Commits are noted with the time at which they were told.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TcpProxy } from '../faults/tcp-proxy.js';
import { childrenOf, signal } from './processes.js';

const EXECUTABLE = fileURLToPath(new URL('../../apps/coordinator/bin/lockstep.mjs', import.meta.url));
const START_DEADLINE_MS = 60_000;
const LOOK_AGAIN_MS = 20;
const REMOTE_RESTART_MS = 200;

/** Nothing that a developer has set may change what is measured. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_') || name === 'LOCKSTEP_CACHE'),
);

export interface Commit {
  readonly step: number;
  readonly characters: number;
  readonly atMs: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Training {
  readonly commits: Commit[] = [];
  readonly runDirectory: string;
  readonly ended: Promise<Ended>;
  readonly #folder: string;
  readonly #supervisor: ChildProcess;
  readonly #seed: number;
  readonly #remotes: ChildProcess[] = [];
  #proxy: TcpProxy | undefined;
  #endpoint: string | undefined;
  #hasEnded = false;
  #rest = '';

  constructor(folder: string, args: readonly string[], seed: number) {
    this.#folder = folder;
    this.#seed = seed;
    this.runDirectory = join(folder, 'run');
    this.#supervisor = this.#spawn('train', ['train', ...args, '--run-dir', this.runDirectory, '--json']);
    this.#supervisor.stdout?.on('data', (text: Buffer) => this.#read(text.toString()));
    this.ended = new Promise((resolve) => {
      this.#supervisor.once('close', (code, signalName) => {
        this.#hasEnded = true;
        resolve({ code, signal: signalName });
      });
    });
  }

  /** Adds the worker behind the proxy as soon as there is an address to go to. */
  async connectRemote(): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (this.#endpoint === undefined) {
      if (this.#hasEnded || Date.now() > deadline) throw new Error(`the run did not start; see ${this.#folder}`);
      await delay(LOOK_AGAIN_MS);
    }
    const port = Number(/:(\d+)$/.exec(this.#endpoint)?.[1]);
    this.#proxy = await TcpProxy.start({ host: '127.0.0.1', port }, { seed: this.#seed });
    this.#keepRemote(this.#proxy.endpoint);
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  get proxy(): TcpProxy {
    if (this.#proxy === undefined) throw new Error('no remote worker yet');
    return this.#proxy;
  }

  get supervisorPid(): number {
    return this.#supervisor.pid ?? 0;
  }

  /** Living processes in one role, in the order of their ids. */
  pids(role: 'worker' | 'coordinator'): readonly number[] {
    return childrenOf(this.supervisorPid)
      .filter((child) => child.role === role)
      .map(({ pid }) => pid);
  }

  /** A worker that comes for a while. */
  join(): ChildProcess {
    if (this.#endpoint === undefined) throw new Error('no address yet');
    const name = `guest-${this.#remotes.length}`;
    const child = this.#spawn(name, ['worker', '--coordinator', this.#endpoint, '--name', name]);
    this.#remotes.push(child);
    return child;
  }

  /** Lets what is still there go, whatever became of the run. */
  async close(): Promise<void> {
    signal(this.supervisorPid, 'SIGKILL');
    await this.ended;
    this.#proxy?.close();
    for (const child of this.#remotes) child.kill('SIGKILL');
  }

  /** A machine whose worker is started again whenever it ends, as an init system would. */
  #keepRemote(endpoint: string): void {
    if (this.#hasEnded) return;
    const child = this.#spawn('remote', ['worker', '--coordinator', endpoint, '--name', 'remote']);
    this.#remotes.push(child);
    child.once('close', () => void setTimeout(() => this.#keepRemote(endpoint), REMOTE_RESTART_MS));
  }

  #spawn(name: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [EXECUTABLE, ...args], {
      cwd: this.#folder,
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.pipe(createWriteStream(join(this.#folder, `${name}.log`), { flags: 'a' }));
    return child;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
      if (event['event'] === 'start') this.#endpoint = String(event['endpoint']);
      if (event['event'] !== 'step') continue;
      this.commits.push({ step: Number(event['step']), characters: Number(event['characters']), atMs: Date.now() });
    }
  }
}
