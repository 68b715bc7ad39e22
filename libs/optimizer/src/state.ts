/** Checks that both optimizers share: of vectors that a caller passes, and of state that a file or peer brought. */
import { LockstepError, invariant } from '@lockstep/config';

const HINT = 'the state belongs to another model or optimizer: check the configuration or use another checkpoint';

/** Both vectors must have the length that the optimizer was made for. */
export function checkVectors(weights: Float32Array, gradient: Float32Array, length: number): void {
  invariant(weights.length === length, `${weights.length} weights instead of ${length}`);
  invariant(gradient.length === length, `a gradient of ${gradient.length} values instead of ${length}`);
}

/**
 * Refuses state that does not fit.
 * @throws LockstepError 'data'
 */
export function checkState(
  steps: number,
  slots: Readonly<Record<string, Float32Array>>,
  expected: Readonly<Record<string, Float32Array>>,
): void {
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new LockstepError('data', `optimizer state has a step count of ${steps}`, HINT);
  }
  const names = Object.keys(slots).sort().join(', ');
  const expectedNames = Object.keys(expected).sort().join(', ');
  if (names !== expectedNames) {
    throw new LockstepError('data', `optimizer state has slots (${names}) instead of (${expectedNames})`, HINT);
  }
  for (const [name, slot] of Object.entries(expected)) {
    const length = slots[name].length;
    if (length === slot.length) continue;
    throw new LockstepError('data', `optimizer slot ${name} has ${length} values instead of ${slot.length}`, HINT);
  }
}
