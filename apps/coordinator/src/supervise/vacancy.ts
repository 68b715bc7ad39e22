/**
 * A run that nobody computes for waits, without an end and without a sign of it. Told once each time that the last
 * worker has gone, or none has come, unless one comes within a moment.
 */
import type { RunEvent } from '../train/events.js';

/** A worker that is exchanged, or a coordinator that is started again, leaves nobody there for a moment. */
export const VACANT_MS = 3_000;

export class Vacancy {
  readonly #tell: () => void;
  readonly #present = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #isTold = false;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  /** Of every event that is shown. */
  shown(event: RunEvent): void {
    if (event.event !== 'worker') return;
    if (event.status === 'gone' || event.status === 'left') this.#present.delete(event.worker);
    else this.#present.add(event.worker);
  }

  /** Nobody is known to be there: a new coordinator tells of those that find it. */
  forget(): void {
    this.#present.clear();
  }

  /** @param isExpected whether somebody is about to come, or nobody is needed any more */
  look(isExpected: boolean): void {
    if (isExpected || this.#present.size > 0) {
      this.close();
      this.#isTold = false;
    } else if (!this.#isTold && this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#isTold = true;
        this.#tell();
      }, VACANT_MS);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
