/**
 * Steps that are computed again, after going back to a checkpoint or to the weights of a worker that had fallen behind,
 * must come out as the journal has them. One that does not means that the promise of equal bytes is broken somewhere,
 * and nothing after it could be trusted.
 */
import { LIMITS } from '@lockstep/config';
import type { Failure, StepRecord } from '../messages.js';
import type { JournalledStep } from './settings.js';
import type { CoordinatorState } from './state.js';

/** Lines kept beside those that are being computed again: weights further behind are not worth going back to. */
const LINES_KEPT = 2 * LIMITS.unjournalledSteps;

const HINT = 'resume with the engine, thread count and kind of device it began with; the checkpoints are untouched';

/** The lines to compare with, one more among them. */
export function withLine(
  { history }: CoordinatorState,
  { step, loss, shardDigests }: StepRecord,
  weightsDigest: string | null,
): ReadonlyMap<number, JournalledStep> {
  const latest = [...history].filter(([known]) => known > step - LINES_KEPT);
  return new Map(latest).set(step, { step, loss, shardDigests, weightsDigest });
}

/** Whether each journalled step from this one on can be compared when it is computed again. */
export function canBeCompared({ history, committed }: CoordinatorState, fromStep: number): boolean {
  for (let step = fromStep; step < committed; step += 1) if (!history.has(step)) return false;
  return true;
}

/** Digest of the weights with so many updates applied; undefined when it is not known. */
export function knownDigest({ agreed, history }: CoordinatorState, step: number): string | undefined {
  return agreed.get(step) ?? history.get(step - 1)?.weightsDigest ?? undefined;
}

/** The failure that ends the run when a step differs from its line; null when it does not, or has none. */
export function differsFromJournal(state: CoordinatorState, record: StepRecord): Failure | null {
  const line = state.history.get(record.step);
  if (line === undefined || state.settings.resumption?.comparesReplay === false) return null;
  const odd = line.shardDigests.findIndex((digest, index) => digest !== record.shardDigests[index]);
  if (odd >= 0) {
    const [journalled, computed] = [line.shardDigests[odd] ?? 'none', record.shardDigests[odd] ?? 'none'];
    return difference(record.step, `the gradient of shard ${odd} has digest ${computed}, the journal ${journalled}`);
  }
  if (line.loss === record.loss) return null;
  return difference(record.step, `its loss is ${record.loss}, in the journal ${line.loss}`);
}

/** The same for the weights after a step. */
export function weightsDifferFromJournal(state: CoordinatorState, step: number, digest: string): Failure | null {
  const journalled = state.history.get(step)?.weightsDigest ?? null;
  if (journalled === null || journalled === digest || state.settings.resumption?.comparesReplay === false) return null;
  return difference(step, `the weights after it have digest ${digest}, the journal ${journalled}`);
}

function difference(step: number, what: string): Failure {
  return { kind: 'data', what: `step ${step + 1} was computed again and differs: ${what}`, hint: HINT };
}
