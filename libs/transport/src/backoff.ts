/**
 * Pauses between connections: a very short one after a connection that lasted, then doubling while none comes up or
 * each breaks soon after it was made. A server that is gone, or refuses a client again and again, is then asked seldom
 * instead of in a loop; and each pause is a little longer or shorter by chance, so that the workers of a server that
 * comes back do not all come at once.
 */
import {
  CONNECTION_LASTED_MS,
  RECONNECT_JITTER,
  RECONNECT_MS_FIRST,
  RECONNECT_MS_MAX,
  RECONNECT_MS_SECOND,
} from './limits.js';

export class Backoff {
  readonly #random: () => number;
  #nextMs = RECONNECT_MS_FIRST;
  #connectedAtMs: number | undefined;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** A connection came up. */
  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
  }

  /** The pause before the next attempt, after one that failed or a connection that broke at `nowMs`. */
  pauseMs(nowMs: number): number {
    if (this.#connectedAtMs !== undefined && nowMs - this.#connectedAtMs >= CONNECTION_LASTED_MS) this.reset();
    this.#connectedAtMs = undefined;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(RECONNECT_MS_MAX, Math.max(RECONNECT_MS_SECOND, 2 * pauseMs));
    return pauseMs * (1 + RECONNECT_JITTER * (2 * this.#random() - 1));
  }

  /** Begins with the shortest pause again. */
  reset(): void {
    this.#nextMs = RECONNECT_MS_FIRST;
  }
}
