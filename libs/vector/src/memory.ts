/**
 * Memory that the WebAssembly loops can reach. A vector of its own memory is worked on where it lies; any other is
 * moved through a few small slots. No memory ever grows, because growing would detach every view of it.
 */
import { LockstepError, invariant } from '@lockstep/config';
import { LOOPS_WASM } from './loops-wasm.js';

/** The exports of loops.wat; places are byte addresses, counts are positive multiples of `GROUP_LENGTH`. */
export interface Loops {
  add(into: number, other: number, count: number): void;
  scale(vector: number, count: number, factor: number): void;
  mean(vector: number, count: number, divisor: number, lanes: number): void;
  finite(vector: number, count: number): number;
  adam(...operands: [weights: number, m: number, v: number, gradient: number, count: number, ...AdamNumbers]): void;
  sgd(weights: number, gradient: number, count: number, rate: number): void;
  packBfloat16(from: number, into: number, count: number): void;
  unpackBfloat16(from: number, into: number, count: number): void;
}

export type AdamNumbers = [
  ...[beta1: number, rest1: number, beta2: number, rest2: number],
  ...[rate: number, rootScale: number, epsilon: number],
];

/** Values that the widest loop takes a turn. */
export const GROUP_LENGTH = 16;

const MEMORY_PAGE_BYTES = 65_536;
const PAGES_MAX = 65_535;
const GROUP_BYTES = GROUP_LENGTH * Float32Array.BYTES_PER_ELEMENT;
const LANES = 4;

/**
 * Vectors begin at a multiple of this, so that a loop over several of them enters all their pages at once, which suits
 * what processors fetch ahead: an Adam step takes 0.8 x as long as with any other distance.
 */
const PAGE_BYTES = 4096;
/** Slots of all operands together: small enough for any second-level cache. */
const SLOTS_BYTES = 256 * 1024;
/** Behind the lanes. */
const SLOTS_PLACE = PAGE_BYTES;

/**
 * Shorter vectors come from ordinary memory: they stay in a cache, so that moving them costs little, and each
 * WebAssembly memory reserves gigabytes of addresses.
 */
const TOGETHER_LENGTH_MIN = 32_768;

const homes = new WeakMap<ArrayBufferLike, LoopMemory>();
let compiled: WebAssembly.Module | undefined;
let shared: LoopMemory | undefined;

export class LoopMemory {
  readonly buffer: ArrayBuffer;
  readonly loops: Loops;
  /** Four float64 sums that `mean` adds to. */
  readonly lanes: Float64Array<ArrayBuffer>;
  readonly lanesPlace = 0;

  /** @param vectorsBytes room behind the slots */
  constructor(vectorsBytes: number) {
    const pages = pagesFor(vectorsBytes);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.buffer = memory.buffer;
    this.lanes = new Float64Array(this.buffer, this.lanesPlace, LANES);
    const instance = new WebAssembly.Instance((compiled ??= compile()), { lockstep: { memory } });
    this.loops = instance.exports as Loops;
  }
}

/** Where a piece of one of several operands goes, and how many 4-byte values it has at most. */
export function slotFor(index: number, count: number): { place: number; length: number } {
  const share = SLOTS_BYTES / count;
  const unit = share < PAGE_BYTES ? GROUP_BYTES : PAGE_BYTES;
  const slotBytes = unit * Math.floor(share / unit);
  invariant(slotBytes > 0, `${count} operands in one operation`);
  return { place: SLOTS_PLACE + index * slotBytes, length: slotBytes / Float32Array.BYTES_PER_ELEMENT };
}

/** The memory in which the first of these vectors lies that lies in any; otherwise one that all share. */
export function memoryOf(vectors: readonly { readonly buffer: ArrayBufferLike }[]): LoopMemory {
  for (const { buffer } of vectors) {
    const home = homes.get(buffer);
    if (home !== undefined) return home;
  }
  return (shared ??= new LoopMemory(0));
}

/**
 * Vectors of zeros that are used together, such as weights and optimizer state: operations on them need not move
 * them. Like any array they live as long as something refers to one of them. They share one ArrayBuffer, which cannot
 * be transferred to another thread; a copy can.
 */
export function vectorsTogether(count: number, length: number): Float32Array<ArrayBuffer>[] {
  const stride = PAGE_BYTES * Math.ceil((length * Float32Array.BYTES_PER_ELEMENT) / PAGE_BYTES);
  const fits = pagesFor(count * stride) <= PAGES_MAX;
  if (length < TOGETHER_LENGTH_MIN || !fits) return Array.from({ length: count }, () => new Float32Array(length));
  const memory = new LoopMemory(count * stride);
  homes.set(memory.buffer, memory);
  const start = SLOTS_PLACE + SLOTS_BYTES;
  return Array.from({ length: count }, (_, index) => new Float32Array(memory.buffer, start + index * stride, length));
}

function pagesFor(vectorsBytes: number): number {
  return Math.ceil((SLOTS_PLACE + SLOTS_BYTES + vectorsBytes) / MEMORY_PAGE_BYTES);
}

function compile(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(LOOPS_WASM);
  } catch (error) {
    const what = `WebAssembly SIMD is missing here: ${error instanceof Error ? error.message : String(error)}`;
    throw new LockstepError('unavailable', what, 'use a 64-bit processor of the last ten years and a current Node');
  }
}
