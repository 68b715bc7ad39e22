/**
 * Brings vectors of any length, wherever they lie, into the form that the loops take: places in one memory and a
 * count that is a multiple of a group. What lies elsewhere is moved in and out in pieces that stay in the cache.
 */
import { invariant } from '@lockstep/config';
import { GROUP_LENGTH, memoryOf, slotFor } from './memory.js';
import type { LoopMemory } from './memory.js';

export type Values = Float32Array | Uint16Array;

/** One argument of a loop: where its values come from and where they go. */
export interface Operand {
  readonly from: Values | undefined;
  readonly to: Values | undefined;
  /** Whether the loop may work where the values lie, if it can reach them. */
  readonly inPlace: boolean;
}

export const read = (values: Values): Operand => ({ from: values, to: undefined, inPlace: true });
export const write = (values: Values): Operand => ({ from: undefined, to: values, inPlace: true });
export const update = (values: Values): Operand => ({ from: values, to: values, inPlace: true });
/** A copy of some values, for the loop to write to, that goes somewhere else or nowhere. */
export const copy = (from: Values, to: Values | undefined): Operand => ({ from, to, inPlace: false });

/** @param places byte addresses of the operands' pieces, in order */
export type Work = (memory: LoopMemory, places: readonly number[], count: number) => void;

/**
 * Calls `work` for piece after piece, in order of index. Operands may be the same vector, but must not overlap
 * otherwise. Behind the end of the vectors there are zeros in what is read.
 */
export function forPieces(operands: readonly Operand[], work: Work): void {
  const vectors = operands.flatMap(({ from, to }) => [to, from].filter((values) => values !== undefined));
  const length = vectors[0]?.length ?? 0;
  for (const values of vectors) invariant(values.length === length, `${values.length} values beside ${length}`);
  const memory = memoryOf(vectors);
  const slots = operands.map((operand, index) => new Slot(memory, operand, index, operands.length));
  const evenEnd = length - (length % GROUP_LENGTH);
  const pieceLength = Math.min(...slots.map((slot) => (slot.isInPlace ? evenEnd : slot.length)));
  for (let start = 0; start < evenEnd; start += pieceLength) {
    const end = Math.min(start + pieceLength, evenEnd);
    const places = slots.map((slot) => (slot.isInPlace ? slot.placeOf(start) : slot.moveIn(start, end)));
    work(memory, places, end - start);
    for (const slot of slots) if (!slot.isInPlace) slot.moveOut(start, end);
  }
  if (evenEnd === length) return;
  // The last few values are moved in any case, so that no loop touches what lies behind a vector.
  work(
    memory,
    slots.map((slot) => slot.moveIn(evenEnd, length)),
    GROUP_LENGTH,
  );
  for (const slot of slots) slot.moveOut(evenEnd, length);
}

/** One operand's way into the memory and back. */
class Slot {
  readonly isInPlace: boolean;
  readonly #operand: Operand;
  readonly #piece: Values;

  constructor(memory: LoopMemory, operand: Operand, index: number, count: number) {
    const values = operand.from ?? operand.to;
    const { place, length } = slotFor(index, count);
    this.isInPlace = operand.inPlace && values?.buffer === memory.buffer;
    this.#operand = operand;
    const View = values instanceof Uint16Array ? Uint16Array : Float32Array;
    this.#piece = new View(memory.buffer, place, length);
  }

  get length(): number {
    return this.#piece.length;
  }

  placeOf(start: number): number {
    const values = this.#operand.from ?? this.#operand.to;
    invariant(values !== undefined, 'an operand without values');
    return values.byteOffset + start * values.BYTES_PER_ELEMENT;
  }

  moveIn(start: number, end: number): number {
    const { from } = this.#operand;
    if (end - start < GROUP_LENGTH) this.#piece.fill(0, 0, GROUP_LENGTH);
    if (from !== undefined) this.#piece.set(from.subarray(start, end));
    return this.#piece.byteOffset;
  }

  moveOut(start: number, end: number): void {
    this.#operand.to?.set(this.#piece.subarray(0, end - start), start);
  }
}
