/**
 * Arithmetic on whole float32 vectors, of any length and wherever they lie. Each operation gives, bit for bit, what
 * the plain loop in testing/plain.ts gives; only which NaN stands for a NaN may differ. The vectors of one call have
 * one length, and do not overlap unless they are the same.
 */
import { invariant } from '@lockstep/config';
import { GROUP_LENGTH } from './memory.js';
import type { AdamNumbers } from './memory.js';
import { copy, forPieces, read, update, write } from './pieces.js';
import type { Operand, Work } from './pieces.js';

/** into[i] += other[i], rounded to float32. */
export function addInPlace(into: Float32Array, other: Float32Array): void {
  forPieces([update(into), read(other)], ({ loops }, [left, right], count) => loops.add(left, right, count));
}

/**
 * Adds up vectors in one pass over memory, each addition rounded to float32.
 * @param into gets the sum; may be one of the inputs, which otherwise stay as they are
 * @param additions pairs of input numbers, done one after another: the left one takes up the right one. What input 0
 * has taken up in the end is the sum
 */
export function addTogether(
  into: Float32Array,
  inputs: readonly Float32Array[],
  additions: readonly (readonly [left: number, right: number])[],
): void {
  const operands = inputs.map((input, index) => copy(input, index === 0 ? into : undefined));
  forPieces(operands, ({ loops }, places, count) => {
    for (const [left, right] of additions) loops.add(places[left], places[right], count);
  });
}

/**
 * Adds up vectors as `addTogether` does and divides the sum as `divideInPlace` does, in one pass over memory.
 * @returns what `divideInPlace` returns
 */
export function meanTogether(
  into: Float32Array,
  inputs: readonly Float32Array[],
  additions: readonly (readonly [left: number, right: number])[],
  divisor: number,
  blockLength: number,
): Float64Array<ArrayBuffer> {
  checkDivision(divisor, blockLength);
  return Float64Array.from({ length: Math.ceil(into.length / blockLength) }, (_, block) => {
    const cut = (vector: Float32Array): Float32Array => vector.subarray(block * blockLength, (block + 1) * blockLength);
    const operands = inputs.map((input, index) => copy(cut(input), index === 0 ? cut(into) : undefined));
    return divided(operands, divisor, ({ loops }, places, count) => {
      for (const [left, right] of additions) loops.add(places[left], places[right], count);
    });
  });
}

/** vector[i] *= factor: a float64 product, rounded to float32. */
export function scaleInPlace(vector: Float32Array, factor: number): void {
  forPieces([update(vector)], ({ loops }, [place], count) => loops.scale(place, count, factor));
}

/**
 * vector[i] /= divisor: a float64 quotient, rounded to float32.
 *
 * @param divisor greater than 0
 * @param blockLength a multiple of 16
 * @returns for each block of that many values (the last may be shorter) the sum of their squares, after the division.
 * Value i of a block goes into the float64 sum of lane i mod 4, in order of index; the block's sum is
 * (lane 0 + lane 2) + (lane 1 + lane 3). So it does not depend on which part of a longer vector this is
 */
export function divideInPlace(vector: Float32Array, divisor: number, blockLength: number): Float64Array<ArrayBuffer> {
  checkDivision(divisor, blockLength);
  return Float64Array.from({ length: Math.ceil(vector.length / blockLength) }, (_, block) =>
    divided([update(vector.subarray(block * blockLength, (block + 1) * blockLength))], divisor),
  );
}

function checkDivision(divisor: number, blockLength: number): void {
  invariant(blockLength > 0 && blockLength % GROUP_LENGTH === 0, `blocks of ${blockLength} values`);
  invariant(divisor > 0, `a divisor of ${divisor}`);
}

/**
 * Divides what the first operand holds once `before` has worked on a piece.
 * @returns the sum of the squares afterwards
 */
function divided(operands: readonly Operand[], divisor: number, before?: Work): number {
  const sums = [0, 0, 0, 0];
  forPieces(operands, (memory, places, count) => {
    const { loops, lanes, lanesPlace } = memory;
    before?.(memory, places, count);
    lanes.set(sums);
    loops.mean(places[0], count, divisor, lanesPlace);
    sums.splice(0, sums.length, ...lanes);
  });
  return sums[0] + sums[2] + (sums[1] + sums[3]);
}

/** Whether no value is infinite or NaN. */
export function allFinite(vector: Float32Array): boolean {
  let finite = true;
  forPieces([read(vector)], ({ loops }, [place], count) => {
    finite &&= loops.finite(place, count) === 1;
  });
  return finite;
}

/**
 * m = beta1 m + rest1 g; v = beta2 v + rest2 g g; weights -= (rate m) / (rootScale sqrt(v) + epsilon). Float64 between
 * a load and the float32 store; weights move by the m and v that are not yet rounded.
 */
export function adamInPlace(
  vectors: { readonly weights: Float32Array; readonly m: Float32Array; readonly v: Float32Array },
  gradient: Float32Array,
  numbers: AdamNumbers,
): void {
  const operands = [update(vectors.weights), update(vectors.m), update(vectors.v), read(gradient)];
  forPieces(operands, ({ loops }, [weights, m, v, g], count) => loops.adam(weights, m, v, g, count, ...numbers));
}

/** weights[i] -= rate x gradient[i]: float64, rounded to float32 at the store. */
export function descendInPlace(weights: Float32Array, gradient: Float32Array, rate: number): void {
  forPieces([update(weights), read(gradient)], ({ loops }, [left, right], count) =>
    loops.sgd(left, right, count, rate),
  );
}

/** into[i] = the upper 16 bits of from[i], rounded to nearest, ties to even. NaN stays NaN, too large is infinite. */
export function packBfloat16(from: Float32Array, into: Uint16Array): void {
  forPieces([read(from), write(into)], ({ loops }, [left, right], count) => loops.packBfloat16(left, right, count));
}

/** into[i] = the float32 value whose upper 16 bits are from[i]. */
export function unpackBfloat16(from: Uint16Array, into: Float32Array): void {
  forPieces([read(from), write(into)], ({ loops }, [left, right], count) => loops.unpackBfloat16(left, right, count));
}
