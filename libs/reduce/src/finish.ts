/**
 * From the sum over all shards to the gradient of the mean loss. Gradients travel as sum and character count and are
 * divided ONCE, here: a mean of means would weigh the characters of uneven shards unevenly.
 */
import { invariant } from '@lockstep/config';

export interface FinishedGradient {
  /** Euclidean norm of the mean gradient, before clipping. */
  readonly norm: number;
  /** False when any value is infinite or not a number: the step diverged and must not be applied. */
  readonly finite: boolean;
  readonly clipped: boolean;
}

/**
 * Values in a norm block. Squares are added up within blocks and the blocks one after another, so that whoever sums a
 * slice that begins at a block gets the bits of whoever sums it all.
 */
export const NORM_BLOCK_LENGTH = 65_536;

/**
 * Turns a slice of the gradient sum into the mean gradient, in place. Each value is divided (not multiplied by a
 * rounded reciprocal) and rounded once to float32.
 * @param sum a slice that begins at a multiple of `blockLength`
 * @param characters number of characters in the whole global batch
 * @returns for each block the squares of the rounded values, added in float64 in index order
 */
export function meanInPlace(sum: Float32Array, characters: number, blockLength = NORM_BLOCK_LENGTH): number[] {
  invariant(Number.isSafeInteger(characters) && characters > 0, `character count ${characters}`);
  const squares: number[] = [];
  for (let start = 0; start < sum.length; start += blockLength) {
    const end = Math.min(sum.length, start + blockLength);
    let total = 0;
    for (let i = start; i < end; i++) {
      const value = Math.fround(sum[i] / characters);
      sum[i] = value;
      total += value * value;
    }
    squares.push(total);
  }
  return squares;
}

/**
 * Euclidean norm from the squares of all blocks, in order. Squares of finite float32 values cannot overflow float64,
 * so the norm is finite exactly when all values are.
 */
export function normOf(squares: readonly number[]): number {
  return Math.sqrt(squares.reduce((total, block) => total + block, 0));
}

/**
 * What to multiply all values by, so that their norm is at most `clipNorm` (Pascanu, Mikolov and Bengio 2013, without
 * the 1e-6 that torch adds to the norm); 1 when nothing is clipped.
 */
export function clipScale(norm: number, clipNorm: number | undefined): number {
  invariant(clipNorm === undefined || clipNorm > 0, `clip norm ${clipNorm}`);
  return clipNorm !== undefined && Number.isFinite(norm) && norm > clipNorm ? clipNorm / norm : 1;
}

/**
 * Turns a gradient sum into the mean gradient, in place, and clips it to a global norm.
 * @param characters number of characters in the whole global batch
 * @param clipNorm largest norm allowed; undefined for no clipping
 */
export function finishGradient(sum: Float32Array, characters: number, clipNorm: number | undefined): FinishedGradient {
  const norm = normOf(meanInPlace(sum, characters));
  const scale = clipScale(norm, clipNorm);
  if (scale !== 1) scaleInPlace(sum, scale);
  return { norm, finite: Number.isFinite(norm), clipped: scale !== 1 };
}

/** Multiplies every value, rounding once to float32. */
export function scaleInPlace(vector: Float32Array, scale: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] *= scale;
}
