/**
 * The coordinator as a child process: started early, told what to lead when that is known, watched until it ends. It
 * ends when we do, however we end, because the channel between us breaks in any case.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EXECUTABLE } from './executable.js';
import { isNotice } from './messages.js';
import type { Notice, Order } from './messages.js';
import type { ProcessEnd } from './restart-policy.js';
import { LOOK_EVERY_MS, Silence } from './silence.js';
import type { Finding } from './silence.js';

export interface CoordinatorHandlers {
  readonly onNotice: (notice: Notice) => void;
  /** Told when it falls silent, hangs, or answers again. */
  readonly onSilence: (finding: Exclude<Finding, 'nothing new'>) => void;
  /** Called once, after the last notice. */
  readonly onEnd: (end: ProcessEnd) => void;
}

export class CoordinatorChild {
  readonly runId: string;
  readonly #child: ChildProcess;
  readonly #startedMs = performance.now();
  readonly #ended: Promise<ProcessEnd>;

  constructor(runId: string) {
    this.runId = runId;
    // Nothing of it goes to standard output, which belongs to the view; what it prints as it dies should be seen.
    this.#child = spawn(process.execPath, [EXECUTABLE, 'coordinator', '--run', runId], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#ended = new Promise((resolve) => {
      // `close` comes after the last message has been read.
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', () => resolve({ code: null, signal: 'no start' }));
    });
  }

  lead(order: Order, { onNotice, onSilence, onEnd }: CoordinatorHandlers): void {
    const silence = new Silence(performance.now());
    const timer = setInterval(() => {
      const finding = silence.look(performance.now());
      if (finding !== 'nothing new') onSilence(finding);
    }, LOOK_EVERY_MS);
    this.#child.once('disconnect', () => clearInterval(timer));
    this.#child.on('message', (message) => {
      silence.heard(performance.now());
      if (isNotice(message)) onNotice(message);
    });
    void this.#ended.then((end) => {
      clearInterval(timer);
      onEnd(end);
    });
    this.send(order);
  }

  /** What cannot be delivered any more is dropped: the end of the child says more. */
  send(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get livedMs(): number {
    return performance.now() - this.#startedMs;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Waits until it has ended, and ends it when that takes too long. */
  async end(deadlineMs = 0): Promise<void> {
    const timer = setTimeout(() => this.kill(), deadlineMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
