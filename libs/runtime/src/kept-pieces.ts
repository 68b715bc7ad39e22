/**
 * Memory for pieces that have come and cannot be summed yet: arrays that one exchange after another writes to, because
 * new memory costs more than the copy.
 */
import { invariant } from '@lockstep/config';
import { viewAsBytes } from './replica.js';

export class KeptPieces {
  readonly #arrays: Float32Array<ArrayBuffer>[] = [];
  #used = 0;
  #length = 0;

  /**
   * Begins an exchange whose pieces have at most so many values. What the last one kept is overwritten.
   */
  begin(length: number): void {
    if (length !== this.#length) this.#arrays.length = 0;
    this.#length = length;
    this.#used = 0;
  }

  /** A copy of float32 values, good until the next exchange begins. */
  keep(bytes: Uint8Array): Float32Array {
    const array = (this.#arrays[this.#used] ??= new Float32Array(this.#length));
    this.#used += 1;
    invariant(bytes.byteLength <= array.byteLength, `a piece of ${bytes.byteLength} bytes`);
    viewAsBytes(array).set(bytes);
    return array.subarray(0, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  }
}
