/**
 * Arrays that are used again: at the tutorial's sizes a step makes a gigabyte of results and reserves, and asking the
 * system for fresh pages costs as much as filling them. Large arrays ask for huge pages, which spares the processor
 * some 5% of a GRU pass in page-table walks, and all begin where a cache line does, which spares as much again: a
 * vector register is as long as a line, and would otherwise be filled from two.
 */

/** Below this an allocation is cheaper than looking for one. */
const POOLED_LENGTH_MIN = 1 << 9;

/** A spare array is dropped when this many others were taken since it came: a few steps' worth. */
const AGE_MAX = 128;

const HUGE_LENGTH_MIN = 1 << 20;

const LINE_BYTES = 64;

/** What the pool asks about memory. */
export interface Places {
  /** Asks for huge pages behind a fresh array. */
  advise(array: Float32Array): void;
  addressOf(buffer: ArrayBuffer): bigint;
}

export class ArrayPool {
  readonly #places: Places;
  /** The longest unused first. */
  readonly #spare: { readonly array: Float32Array; readonly since: number }[] = [];
  #taken = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  /** Spare bytes. */
  get spareBytes(): number {
    return this.#spare.reduce((sum, { array }) => sum + array.byteLength, 0);
  }

  /** An array with any content, outside the garbage collector's heap however short it is: it never moves. */
  take(length: number): Float32Array {
    this.#taken += 1;
    const index = this.#spare.findLastIndex(({ array }) => array.length === length);
    const [found] = index === -1 ? [] : this.#spare.splice(index, 1);
    return found?.array ?? this.fresh(length);
  }

  /** Zeros that will not come back. */
  fresh(length: number): Float32Array {
    const buffer = new ArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT + LINE_BYTES);
    const skipped = -this.#places.addressOf(buffer) & BigInt(LINE_BYTES - 1);
    const array = new Float32Array(buffer, Number(skipped), length);
    if (length >= HUGE_LENGTH_MIN) this.#places.advise(array);
    return array;
  }

  giveBack(array: Float32Array): void {
    if (array.length < POOLED_LENGTH_MIN) return;
    this.#spare.push({ array, since: this.#taken });
    while ((this.#spare[0]?.since ?? Infinity) < this.#taken - AGE_MAX) this.#spare.shift();
  }
}
