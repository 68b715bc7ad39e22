/**
 * One step: deal out the shards, collect loss and gradient of each, reduce, send the update, commit. A shard is
 * always computed as planned; a fault only changes who computes it.
 */
import { invariant } from '@lockstep/config';
import { sumScalars } from '@lockstep/reduce';
import type { WorkerMessage } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { end, envelope, report, send } from './sending.js';
import { readyWorkers } from './state.js';
import type { Assignment, Commit, CoordinatorState, ShardResult, WorkerRecord } from './state.js';

type Message<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

/** Starts computing `state.step` with all ready workers. */
export function beginStep(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.replica !== null) out.push({ type: 'release-replica' });
  out.push({ type: 'begin-step', step: state.step });
  const computing: CoordinatorState = {
    ...state,
    replica: null,
    phase: { name: 'computing', pending: new Map(), results: new Map(), sinceMs: nowMs },
  };
  return dealShards(computing, out, nowMs);
}

/**
 * Gives every shard that has neither a result nor a living worker to a ready worker. At the start of a step these
 * are all shards, dealt in contiguous blocks; later they are the shards of a worker that was lost.
 */
export function dealShards(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, settings } = state;
  if (phase.name !== 'computing') return state;
  const ready = readyWorkers(state);
  const orphans = settings.shards.filter((shard) => {
    const owner = phase.pending.get(shard.index)?.peer;
    return !phase.results.has(shard.index) && (owner === undefined || !state.workers.has(owner));
  });
  if (ready.length === 0 || orphans.length === 0) return state;
  const pending = new Map(phase.pending);
  const dealt = new Map<number, number[]>();
  orphans.forEach((shard, position) => {
    const worker = ready[Math.floor((position * ready.length) / orphans.length)];
    invariant(worker !== undefined, 'a shard has no worker');
    const attempt = (phase.pending.get(shard.index)?.attempt ?? -1) + 1;
    const { index, rowStart, rowEnd } = shard;
    pending.set(index, { peer: worker.peer, attempt, sinceMs: nowMs } satisfies Assignment);
    dealt.set(worker.slot, [...(dealt.get(worker.slot) ?? []), index]);
    send(
      out,
      worker.peer,
      { type: 'assign', ...envelope(state), step: state.step, shard: index, attempt, rows: rowEnd - rowStart },
      { kind: 'windows', step: state.step, rowStart, rowEnd },
    );
  });
  report(out, { type: 'assigned', step: state.step, shards: dealt });
  return { ...state, phase: { ...phase, pending } };
}

/** Why a gradient is not wanted; null when it is. */
function rejection(state: CoordinatorState, worker: WorkerRecord, message: Message<'gradient'>): string | null {
  const { phase, settings } = state;
  if (message.step !== state.step || phase.name !== 'computing') return 'gradient of another step';
  const assigned = phase.pending.get(message.shard);
  if (assigned === undefined) return 'gradient that is counted already or of no shard';
  if (assigned.peer !== worker.peer || assigned.attempt !== message.attempt) return 'gradient of a shard that moved';
  const shard = settings.shards[message.shard];
  const expected = shard === undefined ? -1 : (shard.rowEnd - shard.rowStart) * settings.sequenceLength;
  return message.characters === expected ? null : `gradient over ${message.characters} characters, not ${expected}`;
}

export function onGradient(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Message<'gradient'>,
  payload: Uint8Array,
): CoordinatorState {
  const reason = rejection(state, worker, message);
  if (reason !== null || state.phase.name !== 'computing') {
    report(out, { type: 'rejected', slot: worker.slot, reason: reason ?? '' });
    return state;
  }
  const { step, shard, lossSum, characters, computeMs } = message;
  out.push({ type: 'collect', step, shard, payload });
  report(out, { type: 'answered', step, slot: worker.slot, shard, computeMs });
  const pending = new Map(state.phase.pending);
  pending.delete(shard);
  const results = new Map(state.phase.results).set(shard, { lossSum, characters });
  return { ...state, phase: { ...state.phase, pending, results } };
}

/** Mean loss and character count over shards, summed in shard order whatever the order of arrival. */
export function meanLoss(results: ReadonlyMap<number, ShardResult>): { loss: number; characters: number } {
  const ordered = [...results.entries()].sort(([a], [b]) => a - b).map(([, result]) => result);
  const characters = ordered.reduce((sum, result) => sum + result.characters, 0);
  return { loss: sumScalars(ordered.map((result) => result.lossSum)) / characters, characters };
}

/** Moves on when every shard has its result. */
export function reduceWhenFull(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'computing' || phase.results.size < state.settings.shards.length) return state;
  const { loss, characters } = meanLoss(phase.results);
  out.push({ type: 'reduce', step: state.step, characters });
  return { ...state, phase: { name: 'reducing', loss, characters, sinceMs: phase.sinceMs } };
}

/** Sends the update to every replica, unless the numbers have left the finite. */
export function onReduced(
  state: CoordinatorState,
  out: CoordinatorAction[],
  reduced: { readonly step: number; readonly norm: number; readonly finite: boolean },
  nowMs: number,
): CoordinatorState {
  const { phase, settings } = state;
  if (phase.name !== 'reducing' || reduced.step !== state.step) return state;
  if (!reduced.finite || !Number.isFinite(phase.loss)) {
    return end(state, out, {
      kind: 'data',
      what: `training diverged at step ${state.step}: loss or gradient is not a finite number`,
      hint: 'give a smaller --learning-rate or --clip-norm 1, starting from the last checkpoint with --init-from',
    });
  }
  const done = state.step + 1;
  const isLast = done === settings.totalSteps || state.stopRequested;
  const digest = done % settings.digestEvery === 0 || isLast;
  const replicas = readyWorkers(state);
  const { learningRate } = settings;
  for (const { peer } of replicas) {
    send(
      out,
      peer,
      { type: 'update', ...envelope(state), step: state.step, learningRate, digest },
      { kind: 'gradient' },
    );
  }
  const commit: Commit = {
    loss: phase.loss,
    characters: phase.characters,
    gradientNorm: reduced.norm,
    seconds: (nowMs - phase.sinceMs) / 1000,
    sentAtMs: nowMs,
    waiting: new Set(replicas.map((worker) => worker.peer)),
    digests: new Map(),
  };
  const commits = new Map(state.commits).set(state.step, commit);
  return { ...state, step: done, commits, phase: { name: 'boundary' } };
}
