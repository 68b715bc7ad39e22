/** Everything that depends on time: heartbeats out, who is late, and the deadline of every wait for a worker. */
import { LIMITS } from '@lockstep/config';
import { blame, dismiss, losePeer } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { noticeLate } from './lateness.js';
import { end, envelope, send } from './sending.js';
import { readyWorkers } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

export function onTick(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const wasHeldUp = nowMs - state.tickedAtMs > LIMITS.heldUpMs;
  let next = pulse(wasHeldUp ? forgive(state, nowMs) : { ...state, tickedAtMs: nowMs }, out, nowMs);
  for (const worker of next.workers.values()) {
    next = dropOverdue(next, out, worker, nowMs);
    if (next.phase.name === 'ended') return next;
  }
  return gatheringDeadline(noticeLate(next, out, nowMs), out, nowMs);
}

/**
 * A machine that was suspended, or a terminal that stopped reading, holds this process up, and what workers said
 * meanwhile is still unread: their silence and their work are judged from now on.
 */
function forgive(state: CoordinatorState, nowMs: number): CoordinatorState {
  const workers = [...state.workers].map(([peer, worker]): [string, WorkerRecord] => {
    const busySinceMs = worker.busySinceMs === null ? null : nowMs;
    return [peer, { ...worker, heardAtMs: nowMs, sinceMs: nowMs, busySinceMs }];
  });
  return { ...state, tickedAtMs: nowMs, workers: new Map(workers) };
}

function pulse(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (nowMs - state.pulsedAtMs < LIMITS.heartbeatEveryMs) return state;
  for (const peer of state.workers.keys()) {
    send(out, peer, { type: 'heartbeat', ...envelope(state), step: state.step });
  }
  return { ...state, pulsedAtMs: nowMs };
}

/** A silent worker may only be cut off, and come back; one that talks but does not do what it was given is given up. */
function dropOverdue(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  nowMs: number,
): CoordinatorState {
  const name = `worker ${worker.slot} (pid ${worker.pid} on ${worker.host})`;
  const hint = 'look at its log and its host';
  const silentMs = nowMs - worker.heardAtMs;
  if (silentMs > LIMITS.peerSilenceMs) {
    const what = `${name} has been silent for ${LIMITS.peerSilenceMs / 1000} seconds`;
    return losePeer(state, out, worker.peer, { kind: 'retry', what, hint }, 'cut off', nowMs);
  }
  const late = overdue(state, worker, nowMs);
  if (late === null) return state;
  const what = `${name} ${late}`;
  return dismiss(blame(state, worker, { kind: 'retry', what, hint }, nowMs), out, worker, 'dropped', what);
}

function gatheringDeadline(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, settings } = state;
  // Whoever may come back with weights has its time, whatever the option says, and a stop its own way out.
  const isDeserted = phase.name === 'recovering' && !phase.loading && state.workers.size === 0 && !state.stopRequested;
  if (phase.name !== 'gathering' && !isDeserted) return state;
  const limitMs = isDeserted ? Math.max(settings.workerTimeoutMs, LIMITS.reunionMs) : settings.workerTimeoutMs;
  if (nowMs - phase.sinceMs < limitMs) return state;
  const here = readyWorkers(state).length;
  const cause = state.firstFailure === null ? '' : ` (${state.firstFailure.what})`;
  return end(state, out, {
    kind: 'retry',
    what: `${here} of ${phase.needed} workers were ready after ${settings.workerTimeoutMs / 1000} seconds${cause}`,
    hint: 'start more workers, or give --min-workers or a longer --worker-timeout',
  });
}

/** Says what a worker has not done in time; null when nothing is overdue. */
function overdue(state: CoordinatorState, worker: WorkerRecord, nowMs: number): string | null {
  const seconds = (limitMs: number): string => `${limitMs / 1000} seconds`;
  const sinceMs = nowMs - worker.sinceMs;
  if (worker.status === 'preparing' && sinceMs > LIMITS.prepareDeadlineMs) {
    return `has not loaded its engine in ${seconds(LIMITS.prepareDeadlineMs)}`;
  }
  if (worker.status === 'syncing' && sinceMs > LIMITS.transferDeadlineMs) {
    return `has not taken over the weights in ${seconds(LIMITS.transferDeadlineMs)}`;
  }
  const askedMs = oldestTaskMs(state, worker);
  if (askedMs === null || nowMs - askedMs <= LIMITS.shardDeadlineMs) return null;
  return `has not answered in ${seconds(LIMITS.shardDeadlineMs)} at step ${state.step + 1}`;
}

/** When this worker was given what it has not answered. */
function oldestTaskMs(
  { phase, snapshot }: CoordinatorState,
  { peer, busySinceMs, status, sinceMs }: WorkerRecord,
): number | null {
  const times: number[] = [];
  if (busySinceMs !== null) times.push(busySinceMs);
  if (status === 'behind') times.push(sinceMs);
  if (snapshot?.peer === peer && snapshot.about === null) times.push(snapshot.sinceMs);
  if (phase.name === 'sampling' && phase.peer === peer) times.push(phase.sinceMs);
  if (phase.name === 'evaluating') {
    for (const task of phase.outstanding.values()) if (task.peer === peer) times.push(task.sinceMs);
  }
  return times.length === 0 ? null : Math.min(...times);
}
