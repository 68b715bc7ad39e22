/**
 * Memory for pieces that have come and cannot be summed yet: arrays that one exchange after another writes to, because
 * new memory costs more than the bytes that are written to it.
 */
import { invariant } from '@lockstep/config';

export class KeptPieces {
  #arrays: Float32Array<ArrayBuffer>[] = [];
  #used = 0;
  #length = 0;

  /** Begins an exchange whose pieces have at most so many values. What the last one kept is overwritten. */
  begin(length: number): void {
    if (length !== this.#length) this.#arrays = [];
    this.#length = length;
    this.#used = 0;
  }

  /** Room for so many values, good until the next exchange begins. */
  make(length: number): Float32Array<ArrayBuffer> {
    invariant(length <= this.#length, `a piece of ${length} values`);
    const array = (this.#arrays[this.#used] ??= new Float32Array(this.#length));
    this.#used += 1;
    return array.subarray(0, length);
  }

  /** Whether these bytes lie in memory that was made here. */
  holds({ buffer }: Uint8Array): boolean {
    return this.#arrays.some((array) => array.buffer === buffer);
  }

  /** Never writes to this memory again: somebody else may still do so. */
  abandon(): void {
    this.#arrays = [];
  }
}
