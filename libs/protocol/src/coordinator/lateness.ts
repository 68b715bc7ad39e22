/**
 * Who is late. Every step waits for its slowest shard, so a worker that takes many times as long as shards usually take
 * gets no more work until it has caught up, and others compute what it has not answered. Whichever answer comes first
 * counts: both have the same bits. Between two steps all wait for weights that are on their way, with no more patience.
 */
import { LIMITS } from '@lockstep/config';
import { takeUp } from './admission.js';
import { waitNoMore } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { report } from './sending.js';
import { readyWorkers, withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

/** Whether this worker has been given anything that it has not answered. */
export function hasOpenTasks(state: CoordinatorState, peer: string): boolean {
  if ([...state.commits.values()].some(({ waiting }) => waiting.has(peer))) return true;
  const { phase, snapshot } = state;
  if (snapshot?.peer === peer && snapshot.about === null) return true;
  if (phase.name !== 'computing') return false;
  if ([...phase.results.values()].some((result) => result.gradient === 'asked' && result.peer === peer)) return true;
  return [...phase.open.values()].some(({ assignments }) => assignments.some((assignment) => assignment.peer === peer));
}

/** Starts the worker's watch when it was given something, unless it runs already. */
export function wound(worker: WorkerRecord, nowMs: number): WorkerRecord {
  return { ...worker, busySinceMs: worker.busySinceMs ?? nowMs };
}

/** The worker has answered something: its watch starts anew, or stops when nothing is open any more. */
export function rewind(state: CoordinatorState, peer: string, nowMs: number): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) return state;
  return withWorker(state, { ...worker, busySinceMs: hasOpenTasks(state, peer) ? nowMs : null });
}

export function rememberAnswer(state: CoordinatorState, ms: number): CoordinatorState {
  return { ...state, answerMs: [...state.answerMs, ms].slice(-LIMITS.medianWindow) };
}

function medianMs({ answerMs }: CoordinatorState): number | null {
  if (answerMs.length < LIMITS.medianAnswersMin) return null;
  const sorted = [...answerMs].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** Sets workers back that are late, as long as others are there to take over. */
export function noticeLate(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const median = medianMs(state);
  if (median === null) return state;
  const limitMs = Math.max(LIMITS.lateFloorMs, LIMITS.lateFactor * median);
  const joiners = [...state.workers.values()].filter(({ status }) => status === 'syncing');
  let next = state;
  for (const worker of [...readyWorkers(state), ...joiners]) {
    const isJoining = worker.status === 'syncing';
    const waitedMs = nowMs - (isJoining ? worker.sinceMs : (worker.busySinceMs ?? nowMs));
    // Those that are given weights at the same time share the way.
    if (waitedMs <= (isJoining ? limitMs * joiners.length : limitMs)) continue;
    const { peer, slot, name, host } = worker;
    if (readyWorkers(next).every((other) => other.peer === peer)) continue;
    const isSilent = nowMs - worker.heardAtMs > 2 * LIMITS.heartbeatEveryMs;
    const activity = isSilent ? 'silent' : worker.activity;
    const medians = waitedMs / Math.max(median, 1);
    report(out, { type: 'late', slot, name, host, step: state.step, activity, waitedMs, medians });
    next = setBack(next, worker, nowMs);
  }
  return next;
}

export function setBack(state: CoordinatorState, worker: WorkerRecord, nowMs: number): CoordinatorState {
  const isAgain = nowMs - worker.restUntilMs < LIMITS.lateMemoryMs;
  const lateTimes = isAgain ? worker.lateTimes + 1 : 1;
  return withWorker(waitNoMore(state, worker.peer), { ...worker, status: 'behind', sinceMs: nowMs, lateTimes });
}

/**
 * Hears from a worker that is behind what it holds by now: `held.step` updates applied. When none is on its way to it
 * any more it has caught up, and takes part again as one that comes with weights.
 */
export function catchUp(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  held: { readonly step: number; readonly digest: string | null },
  nowMs: number,
): CoordinatorState {
  if (worker.status !== 'behind' || (worker.lastUpdate !== null && worker.lastUpdate >= held.step)) return state;
  const replica = held.digest === null ? null : { step: held.step, digest: held.digest };
  const restUntilMs = nowMs + restMs(worker.lateTimes);
  const back: WorkerRecord = { ...worker, status: 'waiting', sinceMs: nowMs, replica, busySinceMs: null, restUntilMs };
  report(out, { type: 'worker', slot: worker.slot, status: 'waiting', detail: 'has caught up' });
  return takeUp(withWorker(state, back), out, back, nowMs);
}

/** One that is late again and again would hold up every step that it is let into: it is let in ever more seldom. */
function restMs(lateTimes: number): number {
  return lateTimes < 2 ? 0 : Math.min(LIMITS.restMsMax, LIMITS.restMsMin * 2 ** (lateTimes - 2));
}
