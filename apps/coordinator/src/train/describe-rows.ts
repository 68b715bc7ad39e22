/** Where in the text the rows of a shard come from, in words. */
import type { RunPlan } from './plan-run.js';

/** A shard may have a thousand rows; the first ones lead to the place. */
const NAMED_MAX = 8;

/** @param step from 0 */
export function describeRows({ config, schedule }: RunPlan, step: number, rowStart: number, rowEnd: number): string {
  const length = config.sequenceLength + 1;
  const windows = [...schedule.windows(step).subarray(rowStart, rowEnd)];
  const places = windows.slice(0, NAMED_MAX).map((window) => `${window * length} to ${(window + 1) * length}`);
  const more = windows.length > NAMED_MAX ? ` and ${windows.length - NAMED_MAX} more` : '';
  return `rows ${rowStart} to ${rowEnd - 1} of the batch, characters ${places.join(', ')}${more} of the text`;
}
