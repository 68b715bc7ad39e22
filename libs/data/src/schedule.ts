/**
 * Which windows a step trains on: a pure function of (seed, epoch, step). No worker owns a cursor, so a shard can be
 * computed again by anyone, and a run that resumes at step s reads what it would have read without the stop.
 */
import { invariant } from '@lockstep/config';
import { randomStream } from './random.js';

export type WindowOrder = 'shuffled' | 'sequential';

export interface ScheduleOptions {
  readonly windowCount: number;
  readonly batchSize: number;
  readonly order: WindowOrder;
  readonly seed: number;
}

/** Steps are counted from 0 and never stop; an epoch is a fixed number of steps. */
export interface Schedule {
  readonly stepsPerEpoch: number;
  epochOf(step: number): number;
  /** The window index of every row of the step's global batch. */
  windows(step: number): Int32Array<ArrayBuffer>;
}

/** Steps on both sides of an epoch's end are asked for in turn when a batch is cut ahead. */
const PERMUTATIONS_KEPT = 2;

/**
 * The schedule of a run.
 *
 * shuffled: each epoch has its own permutation; step k of it takes rows permutation[(k * batch + i) mod windowCount].
 * The windows past the last whole batch sit an epoch out. A text with fewer windows than a batch wraps around.
 * sequential: row i of step s is window (s * batch + i) mod windowCount, straight on across epochs.
 */
export function createSchedule({ windowCount, batchSize, order, seed }: ScheduleOptions): Schedule {
  invariant(Number.isInteger(windowCount) && windowCount > 0, `window count ${windowCount}`);
  invariant(Number.isInteger(batchSize) && batchSize > 0, `batch size ${batchSize}`);
  const stepsPerEpoch = Math.max(1, Math.floor(windowCount / batchSize));
  const permutations = new Map<number, Int32Array>();

  function permutationOf(epoch: number): Int32Array {
    const kept = permutations.get(epoch);
    if (kept !== undefined) return kept;
    for (const oldest of permutations.keys()) {
      if (permutations.size < PERMUTATIONS_KEPT) break;
      permutations.delete(oldest);
    }
    const permutation = permute(windowCount, seed, epoch);
    permutations.set(epoch, permutation);
    return permutation;
  }

  function epochOf(step: number): number {
    invariant(Number.isSafeInteger(step) && step >= 0, `step ${step}`);
    return Math.floor(step / stepsPerEpoch);
  }

  function windows(step: number): Int32Array<ArrayBuffer> {
    const epoch = epochOf(step);
    const rows = new Int32Array(batchSize);
    if (order === 'sequential') {
      const start = (step * batchSize) % windowCount;
      for (let row = 0; row < batchSize; row++) rows[row] = (start + row) % windowCount;
      return rows;
    }
    const permutation = permutationOf(epoch);
    const start = (step - epoch * stepsPerEpoch) * batchSize;
    for (let row = 0; row < batchSize; row++) rows[row] = permutation[(start + row) % windowCount];
    return rows;
  }

  return Object.freeze({ stepsPerEpoch, epochOf, windows });
}

/** Fisher and Yates's shuffle of 0 .. count - 1 (Knuth, The Art of Computer Programming 2, algorithm P). */
function permute(count: number, seed: number, epoch: number): Int32Array {
  const random = randomStream(seed, 'shuffle', epoch);
  const permutation = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const chosen = random.below(last + 1);
    const held = permutation[last];
    permutation[last] = permutation[chosen];
    permutation[chosen] = held;
  }
  return permutation;
}
