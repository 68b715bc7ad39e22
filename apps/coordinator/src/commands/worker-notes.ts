/** What a worker says of itself: whole sentences, and nothing over and over. */
import { Repetitions, withCount } from '../views/repetitions.js';

/** Messages of a conversation that is over may come by the hundred after a coordinator was away. */
const MAY_FLOOD = /^(dropped|ignored) /;
const DISCONNECTED = /^disconnected: /;

export interface WorkerLimits {
  readonly coordinator: string;
  /** How long it looks for a coordinator that it has never seen. */
  readonly connectDeadlineMs: number;
  /** How long it looks for one that it has obeyed. */
  readonly awayLimitMs: number;
}

export class WorkerNotes {
  readonly #limits: WorkerLimits;
  readonly #write: (what: string) => void;
  readonly #now: () => number;
  readonly #repeated: Repetitions<string>;
  #hasJoined = false;

  constructor(limits: WorkerLimits, write: (what: string) => void, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#write = write;
    this.#now = now;
    this.#repeated = new Repetitions((what, heldBack) => write(withCount(what, heldBack)));
  }

  note(what: string): void {
    const nowMs = this.#now();
    this.#repeated.sweep(nowMs);
    if (what.startsWith('joined ')) this.#hasJoined = true;
    if (MAY_FLOOD.test(what)) this.#repeated.add(what.replaceAll(/\d+/g, 'N'), what, nowMs);
    else this.#write(DISCONNECTED.test(what) ? this.#disconnected(what.replace(DISCONNECTED, '')) : what);
  }

  /** Says what was held back. */
  end(): void {
    this.#repeated.end();
  }

  #disconnected(reason: string): string {
    const { coordinator, connectDeadlineMs, awayLimitMs } = this.#limits;
    const seconds = (this.#hasJoined ? awayLimitMs : connectDeadlineMs) / 1000;
    const next = `${this.#hasJoined ? 'keeps its weights and ' : ''}looks for it for up to ${seconds} s`;
    return `disconnected from the coordinator at ${coordinator} (${reason}); ${next}`;
  }
}
