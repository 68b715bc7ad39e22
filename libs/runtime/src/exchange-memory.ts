/**
 * What a worker lays out for others on its machine to read: mean gradients, of which it makes one slice, sums over
 * shards that it holds, and the gradients of single shards, which are computed right where others read them. Blocks are
 * used again by every exchange: one is over when all have read what they need of it.
 */
import type { SharedBlock, SharedMemory, SharedPlace } from './ports.js';
import { viewAsBytes, viewAsFloats } from './replica.js';

interface Mean {
  readonly block: SharedBlock;
  /** Made and not yet applied. */
  isInUse: boolean;
}

export class ExchangeMemory {
  readonly #shared: SharedMemory;
  /** Values in a vector; 0 before the first exchange. */
  #length = 0;
  readonly #means: Mean[] = [];
  /** Sums over shards of the exchange that goes on, in the order in which they were first laid out. */
  readonly #sums: SharedBlock[] = [];
  #nodes: string[] = [];
  /** Gradients of the shards of one step. */
  readonly #rooms: SharedBlock[] = [];
  #step = -1;
  #roomsUsed = 0;

  constructor(shared: SharedMemory) {
    this.#shared = shared;
  }

  /**
   * Begins an exchange; one that came to nothing has left no mean.
   * @param length values in a vector, the same for all exchanges of a run
   * @returns where the mean gradient is to be made
   * @throws LockstepError `unavailable` when there is no room
   */
  begin(length: number): Float32Array<ArrayBuffer> {
    this.#length = length;
    this.#nodes = [];
    let mean = this.#means.find(({ isInUse }) => !isInUse);
    if (mean === undefined) {
      mean = { block: this.#allocate(), isInUse: false };
      this.#means.push(mean);
    }
    const { bytes } = mean.block;
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  }

  /** Notes that a mean waits to be applied, or that it has been. */
  use(mean: Uint8Array, isInUse: boolean): void {
    const known = this.#means.find(({ block }) => block.bytes.buffer === mean.buffer);
    if (known !== undefined) known.isInUse = isInUse;
  }

  /**
   * Room for the gradient of one more shard of a step; those of earlier steps are not needed any more.
   * @throws LockstepError `unavailable` when there is none
   */
  room(step: number): Uint8Array<ArrayBuffer> {
    if (step !== this.#step) this.#roomsUsed = 0;
    this.#step = step;
    const block = (this.#rooms[this.#roomsUsed] ??= this.#allocate());
    this.#roomsUsed += 1;
    return block.bytes.subarray(0, this.#length * Float32Array.BYTES_PER_ELEMENT);
  }

  /** Whether these values lie where others can read them. */
  holds(values: Float32Array): boolean {
    return this.#blockOf(values) !== undefined;
  }

  /**
   * Says where others find these values; copies them there unless they can be read where they are.
   * @param node the shards of which they are the sum
   * @throws LockstepError `unavailable` when there is no room
   */
  place(values: Float32Array, start: number, node: string): SharedPlace {
    const own = this.#blockOf(values);
    if (own !== undefined) return placeIn(own, values.byteOffset - own.bytes.byteOffset, values.byteLength);
    if (!this.#nodes.includes(node)) this.#nodes.push(node);
    const block = (this.#sums[this.#nodes.indexOf(node)] ??= this.#allocate());
    const sum = viewAsFloats(block.bytes).subarray(start, start + values.length);
    sum.set(values);
    return placeIn(block, start * Float32Array.BYTES_PER_ELEMENT, viewAsBytes(sum).byteLength);
  }

  read(place: SharedPlace): Uint8Array {
    return this.#shared.read(place);
  }

  /** Lets go of everything that others share. Our own blocks stay: a gradient may be on its way into one of them. */
  release(): void {
    this.#shared.release();
  }

  #allocate(): SharedBlock {
    return this.#shared.allocate(this.#length * Float32Array.BYTES_PER_ELEMENT);
  }

  #blockOf({ buffer }: Float32Array): SharedBlock | undefined {
    const isIt = ({ bytes }: SharedBlock): boolean => bytes.buffer === buffer;
    return this.#means.find(({ block }) => isIt(block))?.block ?? this.#rooms.find(isIt) ?? this.#sums.find(isIt);
  }
}

function placeIn({ path, token }: SharedBlock, offset: number, lengthBytes: number): SharedPlace {
  return { path, token, offset, lengthBytes };
}
