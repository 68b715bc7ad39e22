/**
 * The recurrent weights of a GRU for one row after another. A step reads each weight once, so it is bound by memory,
 * and three things bring it near that bound: weights that begin where a cache line does; parts of a few units with all
 * their gates, so that a part's gates are computed while the other threads still wait awake for the next part; and
 * parts taken from the first to the last and then from the last to the first, so that a step begins with the weights
 * that the one before it has left in the cache. Every sum is of one unit alone: their order changes no bits.
 */

import { sigmoid, tanh } from './curves.js';
import type { OneDnn } from './library.js';
import type { ArrayPool } from './pool.js';

/** Of a part's weights: two threads keep their halves in second-level caches, and a product is worth a meeting. */
const PART_BYTES = 3 << 20;

/** Units of a part are a multiple of it: what a vector register holds. */
const UNITS_MULTIPLE = 16;

/** What one character adds to each gate [H], reset, update and new, and the bias of the recalled state [H]. */
export interface StepInputs {
  readonly gates: readonly [Float32Array, Float32Array, Float32Array];
  /** Where the character's row begins in each of `gates`. */
  readonly offset: number;
  readonly newBias: Float32Array;
}

interface Part {
  readonly first: number;
  readonly units: number;
  /** [3 units,H] */
  readonly weights: Float32Array;
}

export class RecurrentStep {
  readonly #dnn: OneDnn;
  readonly #units: number;
  readonly #sums: Float32Array;
  /** In the order of the next step. */
  #parts: readonly Part[];

  /** @param weights [3H,H], gates reset, update, new; copied */
  constructor(dnn: OneDnn, pool: ArrayPool, weights: Float32Array, units: number) {
    const partUnits = Math.min(units, unitsOfPart(units));
    const packed = pool.fresh(weights.length);
    this.#dnn = dnn;
    this.#units = units;
    this.#sums = pool.fresh(3 * partUnits);
    this.#parts = Array.from({ length: Math.ceil(units / partUnits) }, (_, index) => {
      const first = index * partUnits;
      const count = Math.min(partUnits, units - first);
      const part = packed.subarray(3 * units * first, 3 * units * (first + count));
      for (let gate = 0; gate < 3; gate++) {
        const start = (gate * units + first) * units;
        part.set(weights.subarray(start, start + count * units), gate * count * units);
      }
      return { first, units: count, weights: part };
    });
  }

  /**
   * @param state [H]
   * @param next [H], written
   */
  run(state: Float32Array, inputs: StepInputs, next: Float32Array): void {
    const sums = this.#sums;
    for (const part of this.#parts) {
      const sizes = { rows: 1, inner: this.#units, columns: 3 * part.units };
      this.#dnn.product(sizes, state, false, part.weights, true, sums);
      moveUnits(part, sums, state, inputs, next);
    }
    this.#parts = this.#parts.toReversed();
  }
}

function unitsOfPart(units: number): number {
  const wanted = PART_BYTES / (3 * units * Float32Array.BYTES_PER_ELEMENT);
  return Math.max(1, Math.round(wanted / UNITS_MULTIPLE)) * UNITS_MULTIPLE;
}

/** @param sums [3,units], the recurrent products of the part's gates */
function moveUnits(
  { first, units }: Part,
  sums: Float32Array,
  state: Float32Array,
  { gates: [resets, updates, news], offset, newBias }: StepInputs,
  next: Float32Array,
): void {
  for (let unit = 0; unit < units; unit++) {
    const place = first + unit;
    const reset = sigmoid(sums[unit] + resets[offset + place]);
    const update = sigmoid(sums[units + unit] + updates[offset + place]);
    const fresh = tanh(news[offset + place] + reset * (sums[2 * units + unit] + newBias[place]));
    next[place] = fresh + update * (state[place] - fresh);
  }
}
