/** What an operation that must fail failed with; anything but a LockstepError fails the test. */
import { LockstepError } from '@lockstep/config';
import { expect } from 'vitest';

export async function refusalOf(operation: Promise<unknown>): Promise<LockstepError> {
  const outcome = await operation.then(() => 'it did not fail', (thrown: unknown) => thrown);
  if (outcome instanceof LockstepError) return outcome;
  return expect.fail(`expected a LockstepError, got ${String(outcome)}`);
}
