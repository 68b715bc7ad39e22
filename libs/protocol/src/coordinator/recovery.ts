/**
 * Where to go on when nobody is known to hold the weights of the current step: from the most advanced replica that a
 * worker still has, wherever the journal stands, because every replica of a run has the same bits at the same step; or
 * from the newest checkpoint when there is none.
 */
import { LIMITS } from '@lockstep/config';
import { planShards } from '@lockstep/data';
import type { StepRecord } from '../messages.js';
import { makeReady } from './admission.js';
import { journal } from './commit.js';
import { breakOff, mayComeBack } from './departure.js';
import type { CoordinatorAction, CoordinatorEvent } from './events.js';
import { canBeCompared, knownDigest } from './history.js';
import { forgetSnapshot } from './replicas.js';
import { report } from './sending.js';
import { shardsAt } from './state.js';
import type { CoordinatorState, HeldReplica, WorkerRecord } from './state.js';

interface Candidate extends HeldReplica {
  readonly workers: readonly WorkerRecord[];
}

/** Begins to look for weights to go on with. */
export function beginRecovery(state: CoordinatorState, nowMs: number): CoordinatorState {
  const phase = { name: 'recovering', sinceMs: nowMs, needed: 1, loading: false } as const;
  return { ...forgetSnapshot(state), phase };
}

/** Goes on as soon as all who may hold weights have said so, or have had their time. */
export function recover(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase } = state;
  if (phase.name !== 'recovering' || phase.loading) return state;
  if (nowMs - phase.sinceMs < LIMITS.reunionMs && isSomebodyAwaited(state, nowMs)) return state;
  const best = bestCandidate(state);
  if (best !== null && best.step >= state.savedStep) return adopt(state, out, best, nowMs);
  // With nobody here to compute, waiting longer for those who may bring weights costs nothing.
  const isEmpty = [...state.workers.values()].every(({ status }) => status !== 'waiting');
  if (isEmpty && state.awaited.size > 0) return state;
  out.push({ type: 'restore' });
  return { ...state, phase: { ...phase, loading: true } };
}

/** Whether somebody who may hold weights has not said yet whether it does, and has time left to. */
export function isSomebodyAwaited(state: CoordinatorState, nowMs: number): boolean {
  if ([...state.awaited.values()].some((sinceMs) => mayComeBack(sinceMs, nowMs))) return true;
  return [...state.workers.values()].some(({ status }) => status === 'behind');
}

/**
 * The most advanced replica on which those who hold it agree, and up to which the journal can be made whole. Behind the
 * journal's end only one from which every step can be held against its line: nobody else vouches for it.
 */
function bestCandidate(state: CoordinatorState): Candidate | null {
  const bySteps = new Map<number, Map<string, WorkerRecord[]>>();
  for (const worker of state.workers.values()) {
    if (worker.status !== 'waiting' || worker.replica === null) continue;
    const { step, digest } = worker.replica;
    const byDigest = bySteps.get(step) ?? new Map<string, WorkerRecord[]>();
    bySteps.set(step, byDigest.set(digest, [...(byDigest.get(digest) ?? []), worker]));
  }
  for (const [step, byDigest] of [...bySteps].sort(([a], [b]) => b - a)) {
    const known = knownDigest(state, step);
    const ranked = [...byDigest].sort(([, a], [, b]) => b.length - a.length);
    const [first, second] = known === undefined ? ranked : ranked.filter(([digest]) => digest === known);
    if (first === undefined || first[1].length === second?.[1].length) continue;
    const [digest, workers] = first;
    if (canBeCompared(state, step) && missingRecords(state, step, workers) !== null) return { step, digest, workers };
  }
  return null;
}

/** The records of the steps that the journal lacks before `step`, in order; null when one is not to be had. */
function missingRecords(
  state: CoordinatorState,
  step: number,
  workers: readonly WorkerRecord[],
): readonly StepRecord[] | null {
  const records: StepRecord[] = [];
  for (let missing = state.committed; missing < step; missing += 1) {
    const told = workers.flatMap((worker) => worker.records).find((record) => record.step === missing);
    const record = state.commits.get(missing)?.record ?? told;
    if (record === undefined) return null;
    records.push(record);
  }
  return records;
}

function adopt(state: CoordinatorState, out: CoordinatorAction[], best: Candidate, nowMs: number): CoordinatorState {
  let next = cutOffLate(state, out, nowMs);
  for (const record of missingRecords(state, best.step, best.workers) ?? []) {
    next = planOf(next, out, record);
    next = journal(next, out, { record }, record.step + 1 === best.step ? best.digest : null);
  }
  next = { ...next, step: best.step, commits: new Map(), agreed: new Map([[best.step, best.digest]]) };
  next = { ...next, membership: next.membership + 1, awaited: new Map(), phase: { name: 'boundary' } };
  if (state.replica !== null && state.replica.step !== best.step) {
    out.push({ type: 'release-replica' });
    next = { ...next, replica: null };
  }
  report(out, { type: 'recovered', from: 'replicas', step: best.step, replayUntil: next.committed });
  return best.workers.reduce((rest, { peer }) => {
    const worker = rest.workers.get(peer);
    return worker === undefined ? rest : makeReady(rest, out, worker, nowMs);
  }, next);
}

/** A change of plan that was not written before the coordinator died shows in the records of the steps after it. */
function planOf(state: CoordinatorState, out: CoordinatorAction[], record: StepRecord): CoordinatorState {
  const { plans, settings } = state;
  const count = record.shardDigests.length;
  if (count === shardsAt(plans, record.step).length) return state;
  const plan = { fromStep: record.step, shards: planShards(settings.batchSize, count) };
  out.push({ type: 'journal-plan', plan });
  return { ...state, plans: [...plans, plan] };
}

/** A checkpoint is loaded: everybody is levelled from it. */
export function onRestored(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { replica, history }: Extract<CoordinatorEvent, { type: 'restored' }>,
  nowMs: number,
): CoordinatorState {
  if (state.phase.name !== 'recovering') return state;
  const { step, digest } = replica;
  report(out, { type: 'recovered', from: 'checkpoint', step, replayUntil: state.committed });
  return {
    ...cutOffLate(state, out, nowMs),
    step,
    replica,
    history: new Map(history.map((line) => [line.step, line])),
    agreed: new Map([[step, digest]]),
    awaited: new Map(),
    commits: new Map(),
    snapshot: null,
    checkpointedStep: step,
    checkpointedAtMs: nowMs,
    savedStep: step,
    phase: { name: 'gathering', sinceMs: nowMs, needed: state.phase.needed },
  };
}

/**
 * Whoever is late still has shards of a step that is begun anew, perhaps under another plan, where the same number of
 * shard and attempt would be another part of the batch. What it says of them ends with the talk; it keeps its weights.
 */
function cutOffLate(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const late = [...state.workers.values()].filter(({ status }) => status === 'behind');
  const why = 'was late when the run went on from other weights';
  return late.reduce((rest, worker) => breakOff(rest, out, worker, why, nowMs), state);
}
