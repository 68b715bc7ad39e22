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
 * Turns a gradient sum into the mean gradient, in place, and clips it to a global norm.
 *
 * Each value is divided (not multiplied by a rounded reciprocal) and rounded once to float32. The norm adds the
 * squares of the rounded values in float64, in index order; squares of finite float32 values cannot overflow it, so
 * the norm is finite exactly when all values are. When norm > clipNorm all values are scaled by clipNorm / norm
 * (Pascanu, Mikolov and Bengio 2013, without the 1e-6 that torch adds to the norm).
 *
 * @param characters number of characters in the whole global batch
 * @param clipNorm largest norm allowed; undefined for no clipping
 */
export function finishGradient(sum: Float32Array, characters: number, clipNorm: number | undefined): FinishedGradient {
  invariant(Number.isSafeInteger(characters) && characters > 0, `character count ${characters}`);
  invariant(clipNorm === undefined || clipNorm > 0, `clip norm ${clipNorm}`);
  let squares = 0;
  for (let i = 0; i < sum.length; i++) {
    const value = Math.fround(sum[i] / characters);
    sum[i] = value;
    squares += value * value;
  }
  const norm = Math.sqrt(squares);
  const finite = Number.isFinite(norm);
  const clipped = finite && clipNorm !== undefined && norm > clipNorm;
  if (clipped) scaleInPlace(sum, clipNorm / norm);
  return { norm, finite, clipped };
}

function scaleInPlace(vector: Float32Array, scale: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] *= scale;
}
