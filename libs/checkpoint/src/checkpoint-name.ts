/**
 * Folder names of checkpoints: `step-000120`. At least six digits, so that names sort like steps for the first
 * million.
 */
import { invariant } from '@lockstep/config';

const STEP_DIGITS_MIN = 6;
const NAME = /^step-([0-9]{6,15})$/;

/** The folder name of a step. */
export function checkpointName(step: number): string {
  invariant(Number.isSafeInteger(step) && step >= 0 && step < 1e15, `${step} is a step`);
  return `step-${String(step).padStart(STEP_DIGITS_MIN, '0')}`;
}

/** The step that a folder name means, or null for any other name. */
export function stepOfName(name: string): number | null {
  const digits = NAME.exec(name)?.[1];
  if (digits === undefined) return null;
  const step = Number(digits);
  return checkpointName(step) === name ? step : null;
}
