/** One step: deal out the shards, collect loss and gradient of each, reduce, send the update. */
import { sumScalars } from '@lockstep/reduce';
import type { StepRecord } from '../messages.js';
import { dealShards } from './dealing.js';
import type { CoordinatorAction } from './events.js';
import { differsFromJournal } from './history.js';
import { wound } from './lateness.js';
import { end, envelope, send } from './sending.js';
import { readyWorkers, shardsAt, withWorker } from './state.js';
import type { Commit, CoordinatorState, OpenShard } from './state.js';

const UNTOUCHED: OpenShard = { attempts: 0, assignments: [], answers: [] };

/** Starts computing `state.step` with all ready workers. */
export function beginStep(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.replica !== null) out.push({ type: 'release-replica' });
  const shards = shardsAt(state.plans, state.step);
  out.push({ type: 'begin-step', step: state.step, shards: shards.length });
  const open = new Map(shards.map(({ index }) => [index, UNTOUCHED]));
  const phase = { name: 'computing', open, results: new Map(), sinceMs: nowMs } as const;
  return dealShards({ ...state, replica: null, phase }, out, nowMs);
}

/** Mean loss and character count over parts, summed in the order of their index whatever the order of arrival. */
export function meanLoss(results: ReadonlyMap<number, { readonly lossSum: number; readonly characters: number }>): {
  loss: number;
  characters: number;
} {
  const ordered = [...results.entries()].sort(([a], [b]) => a - b).map(([, result]) => result);
  const characters = ordered.reduce((sum, result) => sum + result.characters, 0);
  return { loss: sumScalars(ordered.map((result) => result.lossSum)) / characters, characters };
}

/** Moves on when every shard has its result. */
export function reduceWhenFull(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'computing' || phase.open.size > 0) return state;
  const { loss, characters } = meanLoss(phase.results);
  const ordered = [...phase.results.entries()].sort(([a], [b]) => a - b);
  const shardDigests = ordered.map(([, { digest }]) => digest);
  out.push({ type: 'reduce', step: state.step, characters });
  return { ...state, phase: { name: 'reducing', loss, characters, shardDigests, sinceMs: phase.sinceMs } };
}

/** Whether the weights after the update of a step are to be compared. */
function digestIsDue(state: CoordinatorState): boolean {
  const { settings, stopRequested } = state;
  const done = state.step + 1;
  const every = settings.checkpointEvery;
  const isSaved = every !== null && 'steps' in every && done % every.steps === 0;
  return done % settings.digestEvery === 0 || done === settings.totalSteps || stopRequested || isSaved;
}

/** Sends the update to every replica, unless the numbers have left the finite, or are not those of the journal. */
export function onReduced(
  state: CoordinatorState,
  out: CoordinatorAction[],
  reduced: { readonly step: number; readonly norm: number; readonly finite: boolean },
  nowMs: number,
): CoordinatorState {
  const { phase, step } = state;
  if (phase.name !== 'reducing' || reduced.step !== step) return state;
  const { loss, characters, shardDigests, sinceMs } = phase;
  if (!reduced.finite || !Number.isFinite(loss)) return diverged(state, out);
  const seconds = (nowMs - sinceMs) / 1000;
  const record: StepRecord = { step, loss, characters, gradientNorm: reduced.norm, seconds, shardDigests };
  const difference = differsFromJournal(state, record);
  if (difference !== null) return end(state, out, difference);
  const digest = digestIsDue(state);
  const replicas = readyWorkers(state);
  const { learningRate } = state.settings;
  const update = { type: 'update', ...envelope(state), step, learningRate, digest, record } as const;
  let next = state;
  for (const replica of replicas) {
    send(out, replica.peer, { ...update, journalled: state.durable }, { kind: 'gradient' });
    next = withWorker(next, wound({ ...replica, lastUpdate: step }, nowMs));
  }
  const commit: Commit = { record, digest, waiting: new Set(replicas.map(({ peer }) => peer)), digests: new Map() };
  const commits = new Map(next.commits).set(step, commit);
  return { ...next, step: step + 1, commits, phase: { name: 'boundary' } };
}

export function diverged(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  return end(state, out, {
    kind: 'data',
    what: `training diverged at step ${state.step + 1}: loss or gradient is not a finite number`,
    hint: 'give a smaller --learning-rate or --clip-norm 1, starting from the last checkpoint with --init-from',
  });
}
