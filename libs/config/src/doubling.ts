/** Pauses that double: short after a first failure, so that a chance one costs little; long when it keeps failing. */

/**
 * The pause after the failure number `failures` of a row, in the unit of `min` and `max`: `min` after the first, twice
 * as long after each further one, at most `max`.
 * @param failures at least 1
 */
export function doublingPause(failures: number, min: number, max: number): number {
  return Math.min(max, min * 2 ** Math.max(0, failures - 1));
}
