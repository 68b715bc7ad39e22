/**
 * Says once why a local worker is started again. The coordinator tells of the end of those that it knew, with the
 * same reason; of one that never joined, or ended while nobody led, only we know.
 */
import type { RunEvent } from '../train/events.js';
import type { WorkerEnd } from './worker-pool.js';

type Notice = Extract<RunEvent, { event: 'notice' }>;

/** The coordinator tells within this time, or not at all. */
const TOLD_WITHIN_MS = 1_000;

export class RestartNotices {
  readonly #show: (event: Notice) => void;
  readonly #untold = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(show: (event: Notice) => void) {
    this.#show = show;
  }

  /** Of every end after which a worker is started again. */
  ended({ reason }: WorkerEnd): void {
    this.#untold.add(reason);
  }

  /** Of every event that is shown. */
  shown(event: RunEvent): void {
    if (event.event !== 'worker' || event.status !== 'gone') return;
    for (const reason of this.#untold) if (event.detail.includes(reason)) this.#untold.delete(reason);
  }

  /** @param pausedMs from the end until now */
  restarted(end: WorkerEnd, pausedMs: number): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#tell(end, pausedMs);
      },
      Math.max(0, TOLD_WITHIN_MS - pausedMs),
    );
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #tell({ name, reason }: WorkerEnd, pausedMs: number): void {
    const isUntold = this.#untold.delete(reason);
    // One that is there again at once is seen to join.
    if (isUntold || pausedMs > 0) {
      this.#show({ event: 'notice', text: `${isUntold ? `${reason}; ` : ''}${name} is started again` });
    }
  }
}
