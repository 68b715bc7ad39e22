/**
 * From the sum over all shards to the gradient of the mean loss, in pure pieces that may each see only a slice of the
 * vector: whoever reduces it, in however many parts, comes to the same bits. Gradients travel as sum and character
 * count and are divided ONCE, here: a mean of means would weigh the characters of uneven shards unevenly.
 */
import { invariant } from '@lockstep/config';
import { divideInPlace, scaleInPlace } from '@lockstep/vector';

/**
 * Squares are added up within blocks of this many values, then the blocks' sums. Slices of a gradient begin at
 * multiples of it.
 */
export const SQUARES_BLOCK_LENGTH = 65_536;

export interface FinishedGradient {
  /** Euclidean norm of the mean gradient, before clipping. */
  readonly norm: number;
  /** False when any value is infinite or not a number: the step diverged and must not be applied. */
  readonly finite: boolean;
  readonly clipped: boolean;
}

/**
 * Turns a gradient sum, or a slice of one, into the mean, in place: each value is divided (not multiplied by a rounded
 * reciprocal) and rounded once to float32.
 *
 * @param sum all values, or those from a multiple of `SQUARES_BLOCK_LENGTH` on, up to another or the end
 * @param characters number of characters in the whole global batch
 * @returns for each block the sum of the squares of the rounded values, in float64: four sums of every fourth value in
 * order of index, added as (first + third) + (second + fourth)
 */
export function meanInPlace(sum: Float32Array, characters: number): Float64Array<ArrayBuffer> {
  invariant(Number.isSafeInteger(characters) && characters > 0, `character count ${characters}`);
  return divideInPlace(sum, characters, SQUARES_BLOCK_LENGTH);
}

/**
 * The norm of a whole gradient. Squares of finite float32 values cannot overflow float64, so it is finite exactly when
 * all values are.
 * @param blockSums what `meanInPlace` returned, of all slices in order; added in order of index
 */
export function normOf(blockSums: Float64Array): number {
  let squares = 0;
  for (const sum of blockSums) squares += sum;
  return Math.sqrt(squares);
}

/**
 * What all values are multiplied by so that the norm is at most `clipNorm`: clipNorm / norm where it is larger, else 1
 * (Pascanu, Mikolov and Bengio 2013, without the 1e-6 that torch adds to the norm). A norm that is not finite is left
 * alone.
 * @param clipNorm largest norm allowed; undefined for no clipping
 */
export function clipScale(norm: number, clipNorm: number | undefined): number {
  invariant(clipNorm === undefined || clipNorm > 0, `clip norm ${clipNorm}`);
  return clipNorm !== undefined && Number.isFinite(norm) && norm > clipNorm ? clipNorm / norm : 1;
}

/** All of it for a whole gradient: mean, norm, check and clip, in place. */
export function finishGradient(sum: Float32Array, characters: number, clipNorm: number | undefined): FinishedGradient {
  const norm = normOf(meanInPlace(sum, characters));
  const scale = clipScale(norm, clipNorm);
  const clipped = scale !== 1;
  if (clipped) scaleInPlace(sum, scale);
  return { norm, finite: Number.isFinite(norm), clipped };
}
