/**
 * Worker processes on this machine. Each is a child with a channel to us, so that it ends when we do, however we
 * end; its output goes to a file of its own, so that nothing it prints can garble the terminal.
 */
import { LIMITS } from '@lockstep/config';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXECUTABLE = fileURLToPath(new URL('../../bin/lockstep.mjs', import.meta.url));

export interface LocalWorkersOptions {
  readonly count: number;
  /** GPUs to deal out, one index to each worker in turn; 0 on a CPU. */
  readonly gpus: number;
  readonly logsFolder: string;
}

export class LocalWorkers {
  /** Names of the processes, known before they start. */
  readonly peers: readonly string[];
  readonly #options: LocalWorkersOptions;
  readonly #children = new Map<string, ChildProcess>();
  readonly #deaths: string[] = [];
  #isKilling = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    this.peers = Array.from({ length: options.count }, () => randomUUID());
  }

  /**
   * Starts all of them.
   * @param onExit called when one has ended, with the reason in words
   */
  start(endpoint: string, run: string, onExit: (peer: string, reason: string) => void): void {
    this.peers.forEach((peer, index) => {
      const logFile = join(this.#options.logsFolder, `worker-${index}.log`);
      const log = openSync(logFile, 'a');
      const gpu = this.#options.gpus === 0 ? 0 : index % this.#options.gpus;
      const identity = ['--run', run, '--peer', peer, '--gpu', String(gpu)];
      const child = spawn(process.execPath, [EXECUTABLE, 'worker', '--coordinator', endpoint, ...identity], {
        stdio: ['ignore', log, log, 'ipc'],
      });
      closeSync(log);
      this.#children.set(peer, child);
      const ended = (how: string, abnormal: boolean): void => {
        if (!this.#children.delete(peer)) return;
        const reason = `local worker ${index} ${how}; its log is ${logFile}`;
        if (abnormal && !this.#isKilling) this.#deaths.push(reason);
        onExit(peer, reason);
      };
      child.on('error', (error) => ended(`could not be started: ${error.message}`, true));
      child.on('exit', (code, signal) => {
        ended(`(pid ${child.pid ?? '?'}) ended by ${signal ?? `exit code ${code ?? '?'}`}`, signal !== null);
      });
    });
  }

  /** How those ended that were killed or never started; a worker that fails by itself tells the coordinator why. */
  get deaths(): readonly string[] {
    return this.#deaths;
  }

  /** Waits for all to end by themselves, then kills the rest. */
  async stop(deadlineMs: number = LIMITS.workerExitDeadlineMs): Promise<void> {
    const exits = [...this.#children.values()].map(
      (child) => new Promise<void>((resolve) => child.once('exit', () => resolve())),
    );
    if (exits.length === 0) return;
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
    this.#isKilling = true;
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }
}
