/**
 * Reading from a socket that always has more goes on within one turn of the event loop. Timers wait then, and so does
 * the memory of messages that were read: the collector may have found it, but it is freed in a later turn.
 */
import { BYTES_PER_TURN_MAX } from '../limits.js';

export class Breather {
  #bytes = 0;

  /** Counts what was read; now and then resolves in a later turn only. */
  async read(frames: readonly Uint8Array[]): Promise<void> {
    for (const { byteLength } of frames) this.#bytes += byteLength;
    if (this.#bytes < BYTES_PER_TURN_MAX) return;
    this.#bytes = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
