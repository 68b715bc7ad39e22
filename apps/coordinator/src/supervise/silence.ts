/**
 * How long a child has been silent that should say something every second, told by a clock that this process gives.
 * A process that hangs (stopped, swapped out, in an endless loop) keeps its sockets open, so that nothing else tells.
 */
import { LIMITS } from '@lockstep/config';

/** A busy machine or a large model may hold a coordinator up for a few seconds. */
export const SILENT_MS = 10_000;
/** It is taken for hung: far longer than any step of its own, well below the time that workers look for it. */
export const HUNG_MS = 60_000;
/** How often `look` should be called. */
export const LOOK_EVERY_MS = 1_000;

export type Finding = 'nothing new' | 'silent' | 'hung' | 'answers again';

export class Silence {
  #heardMs: number;
  #lookedMs: number;
  #told: 'nothing' | 'silent' | 'hung' = 'nothing';

  /** @param nowMs monotonic milliseconds, here and below */
  constructor(nowMs: number) {
    this.#heardMs = nowMs;
    this.#lookedMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** What is to be told now; each only once. */
  look(nowMs: number): Finding {
    // We were stopped ourselves: what was said to us in the meantime is still to be read.
    if (nowMs - this.#lookedMs > LIMITS.heldUpMs) this.#heardMs = nowMs;
    this.#lookedMs = nowMs;
    const silentMs = nowMs - this.#heardMs;
    if (silentMs < SILENT_MS) {
      const wasTold = this.#told === 'silent';
      this.#told = 'nothing';
      return wasTold ? 'answers again' : 'nothing new';
    }
    const stage = silentMs < HUNG_MS ? 'silent' : 'hung';
    if (this.#told === stage || this.#told === 'hung') return 'nothing new';
    this.#told = stage;
    return stage;
  }
}
