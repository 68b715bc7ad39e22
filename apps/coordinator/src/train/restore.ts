/**
 * Going back to a checkpoint: the newest one that is sound to the last bit and that the journal reaches. Whatever is
 * passed over is named; with none left the run ends, for a start from nothing would look like a run that goes on.
 */
import { latestGoodCheckpoint, listCheckpoints } from '@lockstep/checkpoint';
import type { BadCheckpoint, Checkpoint } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import type { Replica } from '@lockstep/runtime';
import type { RunPlan } from './plan-run.js';

export interface RestoreOptions {
  /** What the checkpoint must fit. */
  readonly plan: Pick<RunPlan, 'config' | 'layout'>;
  readonly checkpointsFolder: string;
  /** Steps in the journal. */
  readonly journalled: number;
  /** The replica of a run that has not made a step. */
  readonly initial: Replica;
  readonly onPassedOver: (bad: BadCheckpoint) => void;
}

/** @throws LockstepError 'data' listing why each checkpoint cannot be used */
export async function restoreReplica(options: RestoreOptions): Promise<Replica> {
  const { plan, checkpointsFolder, journalled, onPassedOver } = options;
  const listed = await listCheckpoints(checkpointsFolder);
  // Killed before its first checkpoint, a run has lost nothing that its seed does not give back.
  if (listed.length === 0 && journalled === 0) return options.initial;
  const ahead = listed
    .filter(({ step }) => step > journalled)
    .map(({ path }) => ({ path, reason: `the journal ends before it, at step ${journalled}` }));
  const { checkpoint, passedOver } = await latestGoodCheckpoint(checkpointsFolder, { atMost: journalled });
  const unused = [...ahead.reverse(), ...passedOver];
  if (checkpoint === null) throw noneSound(checkpointsFolder, unused);
  for (const bad of unused) onPassedOver(bad);
  return replicaOf(checkpoint, plan);
}

function replicaOf(
  { path, step, layout, weights, optimizer }: Checkpoint,
  { layout: own, config }: RestoreOptions['plan'],
): Replica {
  if (layout.digest !== own.digest || optimizer.name !== config.optimizer) {
    const what = `${path} is of another model or optimizer than this run`;
    throw new LockstepError('data', what, 'move it out of the run directory');
  }
  const slots = Object.keys(optimizer.slots);
  return { step, optimizerSteps: optimizer.steps, slots, vectors: [weights, ...Object.values(optimizer.slots)] };
}

function noneSound(folder: string, unused: readonly BadCheckpoint[]): LockstepError {
  const reasons = unused.map(({ path, reason }) => (reason.includes(path) ? reason : `${path}: ${reason}`)).join('; ');
  return new LockstepError(
    'data',
    `no sound checkpoint in ${folder}${reasons === '' ? '' : ` (${reasons})`}`,
    'put one back from a copy, or begin a new run; nothing was changed',
  );
}
