/**
 * Pauses between connections: the shortest after one that lasted, doubling while they keep breaking soon after they
 * were made. A server that refuses a client again and again is then asked seldom instead of in a loop.
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #pauseMs: number;
  #lastMs = -Infinity;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#pauseMs = minMs;
  }

  /** The pause after a connection that broke at `nowMs`, in milliseconds. */
  nextMs(nowMs: number): number {
    const lastedMs = nowMs - this.#lastMs;
    this.#pauseMs = lastedMs > 2 * this.#maxMs ? this.#minMs : Math.min(this.#maxMs, this.#pauseMs * 2);
    this.#lastMs = nowMs;
    return this.#pauseMs;
  }
}
