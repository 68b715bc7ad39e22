/**
 * What a worker lays out for others on its machine to read: the mean gradient, of which it makes one slice, and sums
 * over shards that it holds. One block, used again by every exchange: an exchange is over when all have read what they
 * need of it.
 */
import { invariant } from '@lockstep/config';
import type { SharedBlock, SharedMemory, SharedPlace } from './ports.js';
import { viewAsBytes } from './replica.js';

const VALUE_BYTES = Float32Array.BYTES_PER_ELEMENT;

export class ExchangeMemory {
  readonly #shared: SharedMemory;
  #block: SharedBlock | undefined;
  #length = 0;
  /** Vectors that fit into the block: the mean, and one for each sum. */
  #vectors = 0;

  constructor(shared: SharedMemory) {
    this.#shared = shared;
  }

  /**
   * Makes room for a mean gradient and for sums of so many nodes.
   * @returns the place of the mean gradient, where it is to be made
   * @throws LockstepError `unavailable` when there is no room
   */
  prepare(length: number, nodes: number): Float32Array<ArrayBuffer> {
    if (this.#block === undefined || this.#length !== length || this.#vectors < nodes + 1) {
      this.free();
      this.#length = length;
      this.#vectors = nodes + 1;
      this.#block = this.#shared.allocate(this.#vectors * length * VALUE_BYTES);
    }
    return this.#vector(this.#block, 0);
  }

  /**
   * Says where others find these values; copies them there unless they are a part of the mean.
   * @param node of which they are the sum, counted from 0
   */
  place(values: Float32Array, start: number, node: number): SharedPlace {
    const block = this.#block;
    invariant(block !== undefined, 'there is no room for values to share');
    const isMean = values.buffer === block.bytes.buffer;
    const vector = isMean ? 0 : node + 1;
    const offset = (vector * this.#length + start) * VALUE_BYTES;
    if (!isMean) this.#vector(block, vector).set(values, start);
    return { path: block.path, token: block.token, offset, lengthBytes: viewAsBytes(values).byteLength };
  }

  read(place: SharedPlace): Uint8Array {
    return this.#shared.read(place);
  }

  /** Lets go of everything that others share. */
  release(): void {
    this.#shared.release();
  }

  free(): void {
    this.#block?.free();
    this.#block = undefined;
  }

  #vector({ bytes }: SharedBlock, index: number): Float32Array<ArrayBuffer> {
    const offset = bytes.byteOffset + index * this.#length * VALUE_BYTES;
    return new Float32Array(bytes.buffer, offset, this.#length);
  }
}
