/**
 * Worker processes on this machine, one in each slot, started again when they end unasked. Each is a child with a
 * channel to us, so that it ends when we do, however we end; its output goes to a file of its own, so that nothing it
 * prints can garble the terminal.
 */
import { LIMITS } from '@lockstep/config';
import { LOG_LINES_MAX } from '@lockstep/protocol';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE } from './executable.js';
import { lastWordsOf } from '../log/tail-lines.js';
import { workerLog } from '../log/run-logs.js';
import type { UnaskedEnd, WorkerOrder } from './messages.js';
import { afterFailedStart, afterWorkerEnd, isPreemption } from './restart-policy.js';
import type { ProcessEnd, WorkerBudgets, WorkerVerdict } from './restart-policy.js';

export interface WorkerPoolOptions {
  readonly endpoint: string;
  readonly run: string;
  /** GPUs to deal out, one index to each worker in turn; 0 on a CPU. */
  readonly gpus: number;
  readonly logsFolder: string;
  readonly budgets: WorkerBudgets;
  /** Passed on to each worker. */
  readonly logLevel: string;
  readonly onStart: (peer: string, inWords: string) => void;
  readonly onEnd: (end: WorkerEnd) => void;
  /** Told of one that is started in the place of one that has ended, after a pause. */
  readonly onRestart: (end: WorkerEnd, pausedMs: number) => void;
}

export interface WorkerEnd extends ProcessEnd {
  readonly peer: string;
  readonly name: string;
  /** How it ended, in words. */
  readonly reason: string;
  /** Null for one that was meant to go. */
  readonly verdict: WorkerVerdict | null;
  /** What is in its log; null for one that was meant to go. */
  readonly unasked: UnaskedEnd | null;
}

interface Slot {
  readonly index: number;
  /** Of the process that runs, or ran last. */
  peer: string;
  child: ChildProcess | undefined;
  /** Set while it waits to be started again. */
  timer: NodeJS.Timeout | undefined;
  startedMs: number;
  /** Ends in a row. */
  row: number;
  /** Faults since the pool began, while no worker was ever ready. */
  failedStarts: number;
  /** Nobody takes its place when it ends. */
  isRetired: boolean;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots = new Map<number, Slot>();
  #budgets: WorkerBudgets;
  #isEnding = false;
  #wasReady = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#budgets = options.budgets;
  }

  /** Process names of those that live. */
  get peers(): readonly string[] {
    return this.#living.map(({ peer }) => peer);
  }

  /** Workers that live or will be started again. */
  get size(): number {
    return this.#active.length;
  }

  /** A worker, of whatever kind, was ready to compute. */
  sawReady(): void {
    this.#wasReady = true;
  }

  /**
   * Starts workers in the lowest free slots, or tells those in the highest to leave, until there are `target`.
   * @returns names of those started and of those told to leave
   */
  scale(target: number): { readonly started: readonly string[]; readonly leaving: readonly string[] } {
    const started: string[] = [];
    for (let index = 0; this.size < target; index += 1) {
      const slot = this.#slots.get(index);
      if (slot !== undefined && (slot.child !== undefined || !slot.isRetired)) continue;
      this.#start(this.#renewed(index));
      started.push(nameOf(index));
    }
    const excess = this.#active.sort((a, b) => b.index - a.index).slice(0, Math.max(0, this.size - target));
    for (const slot of excess) {
      this.#retire(slot);
      slot.child?.kill('SIGTERM');
    }
    return { started, leaving: excess.map(({ index }) => nameOf(index)) };
  }

  /** Leaves the slot of this worker empty when it ends. */
  retire(peer: string): void {
    const slot = this.#active.find((one) => one.peer === peer);
    if (slot !== undefined) this.#retire(slot);
  }

  /** Tells all that the coordinator is there again. */
  nudge(): void {
    const order: WorkerOrder = { type: 'reconnect' };
    for (const { child } of this.#living) if (child?.connected === true) child.send(order, () => undefined);
  }

  /** From now on nobody is started again. */
  end(): void {
    this.#isEnding = true;
    for (const slot of this.#slots.values()) clearTimeout(slot.timer);
  }

  /** The end did not come: starts those again that have left since. */
  revive(): void {
    if (!this.#isEnding) return;
    this.#isEnding = false;
    for (const slot of this.#active.filter(({ child }) => child === undefined)) this.#start(slot);
  }

  /** Waits for all to end by themselves, then kills the rest. */
  async stop(deadlineMs: number = LIMITS.workerExitDeadlineMs): Promise<void> {
    this.end();
    const exits = this.#living.map(({ child }) => new Promise<void>((resolve) => child?.once('exit', () => resolve())));
    if (exits.length === 0) return;
    // Those that have joined know that the run is over; one that is only starting would look for it in vain.
    for (const { child } of this.#living) child?.kill('SIGTERM');
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(() => resolve(), deadlineMs);
    });
    await Promise.race([Promise.all(exits), deadline]);
    clearTimeout(timer);
    this.kill();
    await Promise.all(exits);
  }

  /** Ends all at once. */
  kill(): void {
    this.end();
    for (const { child } of this.#living) child?.kill('SIGKILL');
  }

  get #living(): Slot[] {
    return [...this.#slots.values()].filter(({ child }) => child !== undefined);
  }

  get #active(): Slot[] {
    return [...this.#slots.values()].filter(({ isRetired }) => !isRetired);
  }

  #renewed(index: number): Slot {
    const process = { peer: '', child: undefined, timer: undefined, startedMs: 0 };
    const slot = { index, ...process, row: 0, failedStarts: 0, isRetired: false };
    this.#slots.set(index, slot);
    return slot;
  }

  #retire(slot: Slot): void {
    slot.isRetired = true;
    clearTimeout(slot.timer);
  }

  #start(slot: Slot): void {
    const { endpoint, run, gpus, logsFolder, logLevel } = this.#options;
    slot.peer = randomUUID();
    slot.startedMs = performance.now();
    const logFile = join(logsFolder, workerLog(slot.index));
    const log = openLog(logFile);
    const gpu = gpus === 0 ? 0 : slot.index % gpus;
    const identity = ['--run', run, '--peer', slot.peer, '--name', nameOf(slot.index), '--gpu', String(gpu)];
    const logging = ['--log-file', logFile, '--log-level', logLevel, '--log-format', 'json'];
    const child = spawn(process.execPath, [EXECUTABLE, 'worker', '--coordinator', endpoint, ...identity, ...logging], {
      stdio: ['ignore', log, log, 'ipc'],
    });
    if (log !== 'ignore') closeSync(log);
    slot.child = child;
    this.#options.onStart(slot.peer, `local worker ${slot.index} (pid ${child.pid ?? '?'}) started`);
    const ended = (end: ProcessEnd, how: string): void => {
      if (slot.child !== child) return;
      slot.child = undefined;
      this.#ended(slot, end, logFile, child.pid, how);
    };
    child.on('error', (error) => ended({ code: null, signal: 'no start' }, `could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      ended({ code, signal }, `ended by ${signal ?? `exit code ${code ?? '?'}`}`);
    });
  }

  #ended(slot: Slot, how: ProcessEnd, logFile: string, pid: number | undefined, inWords: string): void {
    const { peer, index } = slot;
    const reason = `local worker ${index} ${pid === undefined ? '' : `(pid ${pid}) `}${inWords}; its log is ${logFile}`;
    const verdict = this.#isEnding || slot.isRetired ? null : this.#judge(slot, how);
    const end: WorkerEnd = {
      ...{ ...how, peer, name: nameOf(index), reason, verdict },
      unasked: verdict === null ? null : unaskedEnd(nameOf(index), pid, inWords, logFile),
    };
    if (verdict?.restart === true) {
      slot.timer = setTimeout(() => {
        this.#options.onRestart(end, verdict.afterMs);
        this.#start(slot);
      }, verdict.afterMs);
    }
    if (verdict?.restart === false) slot.isRetired = true;
    this.#options.onEnd(end);
  }

  #judge(slot: Slot, end: ProcessEnd): WorkerVerdict {
    const nowMs = performance.now();
    const after = afterWorkerEnd(this.#budgets, end, slot.row, nowMs - slot.startedMs, nowMs);
    this.#budgets = after.budgets;
    slot.row = after.row;
    if (this.#wasReady) return after.verdict;
    if (!isPreemption(end)) slot.failedStarts += 1;
    return afterFailedStart(after.verdict, slot.failedStarts);
  }
}

/** A worker without a log is better than none: the run directory may be gone. */
function openLog(path: string): number | 'ignore' {
  try {
    return openSync(path, 'a');
  } catch {
    return 'ignore';
  }
}

function unaskedEnd(name: string, pid: number | undefined, how: string, logFile: string): UnaskedEnd {
  return { name, pid: pid ?? 0, how, ...lastWordsOf(logFile, pid, LOG_LINES_MAX) };
}

function nameOf(index: number): string {
  return `local-${index}`;
}
