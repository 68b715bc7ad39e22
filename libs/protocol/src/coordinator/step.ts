/** One step: deal out the shards, collect loss and gradient of each, reduce, send the update. */
import { sumScalars } from '@lockstep/reduce';
import type { StepRecord } from '../messages.js';
import { dealShards } from './dealing.js';
import type { CoordinatorAction, PayloadSource } from './events.js';
import { differsFromJournal } from './history.js';
import { wound } from './lateness.js';
import { end, endMismatched, envelope, send } from './sending.js';
import { readyWorkers, shardsAt, withWorker } from './state.js';
import type { Commit, CoordinatorState } from './state.js';

/** Starts computing `state.step` with all ready workers. */
export function beginStep(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.replica !== null) out.push({ type: 'release-replica' });
  const shards = shardsAt(state.plans, state.step);
  out.push({ type: 'begin-step', step: state.step, shards: shards.length });
  const open = new Map(shards.map(({ index }) => [index, { attempts: 0, assignments: [], answers: [] }]));
  const mesh = state.topology === 'mesh';
  const phase = { name: 'computing', mesh, failures: 0, open, results: new Map(), sinceMs: nowMs } as const;
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

/** Moves on when every shard has its result, and its gradient is in the sum here. */
export function reduceWhenFull(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'computing' || phase.mesh || phase.open.size > 0) return state;
  if ([...phase.results.values()].some(({ gradient }) => gradient !== 'collected')) return state;
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

/** The gradients have been summed here. */
export function onReduced(
  state: CoordinatorState,
  out: CoordinatorAction[],
  reduced: { readonly step: number; readonly norm: number; readonly finite: boolean },
  nowMs: number,
): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'reducing' || reduced.step !== state.step) return state;
  return sendUpdates(state, out, { ...phase, ...reduced, exchange: null, scale: 1 }, nowMs);
}

export interface ReducedStep {
  readonly loss: number;
  readonly characters: number;
  readonly shardDigests: readonly string[];
  readonly norm: number;
  readonly finite: boolean;
  /** The exchange that left the mean gradient with the workers; null when it is shipped. */
  readonly exchange: number | null;
  /** What the workers multiply an exchanged gradient by. */
  readonly scale: number;
  /** When the step began. */
  readonly sinceMs: number;
}

/** Sends the update to every replica, unless the numbers have left the finite, or are not those of the journal. */
export function sendUpdates(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { loss, characters, shardDigests, norm, finite, exchange, scale, sinceMs }: ReducedStep,
  nowMs: number,
): CoordinatorState {
  const { step } = state;
  if (!finite || !Number.isFinite(loss)) return diverged(state, out);
  const seconds = (nowMs - sinceMs) / 1000;
  const record: StepRecord = { step, loss, characters, gradientNorm: norm, seconds, shardDigests };
  const difference = differsFromJournal(state, record);
  if (difference !== null) return endMismatched(state, out, 'replay', difference);
  const digest = digestIsDue(state);
  const replicas = readyWorkers(state);
  const { learningRate } = state.settings;
  const update = { type: 'update', ...envelope(state), step, learningRate, exchange, scale, digest, record } as const;
  let next = state;
  for (const replica of replicas) {
    const source: PayloadSource = exchange === null ? { kind: 'gradient' } : { kind: 'none' };
    send(out, replica.peer, { ...update, journalled: state.durable }, source);
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
