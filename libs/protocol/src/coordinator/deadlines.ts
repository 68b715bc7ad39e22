/** Everything that depends on time: heartbeats out, and the deadline of every wait for a worker. */
import { LIMITS } from '@lockstep/config';
import { losePeer } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { end, envelope, send } from './sending.js';
import { readyWorkers } from './state.js';
import type { Assignment, CoordinatorState, WorkerRecord } from './state.js';

export function onTick(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.phase.name === 'ended') return state;
  let next = pulse(forgiveIfHeldUp(state, nowMs), out, nowMs);
  for (const worker of next.workers.values()) {
    const what = overdue(state, worker, nowMs);
    if (what === null) continue;
    const detail = `worker ${worker.slot} (pid ${worker.pid} on ${worker.host}) ${what}`;
    send(out, worker.peer, { type: 'stop', run: state.settings.run, reason: 'dropped', detail });
    next = losePeer(next, out, worker.peer, { kind: 'retry', what: detail, hint: 'look at its log and its host' });
    if (next.phase.name === 'ended') return next;
  }
  return gatheringDeadline(next, out, nowMs);
}

/**
 * A machine that was suspended, or a terminal that stopped reading, holds this process up, and what workers said
 * meanwhile is still unread: their silence is judged from now on.
 */
function forgiveIfHeldUp(state: CoordinatorState, nowMs: number): CoordinatorState {
  const isLate = nowMs - state.tickedAtMs > LIMITS.heldUpMs;
  const ticked = { ...state, tickedAtMs: nowMs };
  if (!isLate) return ticked;
  const workers = [...state.workers].map(([peer, worker]) => [peer, { ...worker, heardAtMs: nowMs }] as const);
  return { ...ticked, workers: new Map(workers) };
}

function pulse(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (nowMs - state.pulsedAtMs < LIMITS.heartbeatEveryMs) return state;
  for (const peer of state.workers.keys()) {
    send(out, peer, { type: 'heartbeat', ...envelope(state), step: state.step });
  }
  return { ...state, pulsedAtMs: nowMs };
}

function gatheringDeadline(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, settings } = state;
  if (phase.name !== 'gathering' || nowMs - phase.sinceMs < settings.workerTimeoutMs) return state;
  const here = readyWorkers(state).length;
  return end(state, out, {
    kind: 'retry',
    what: `${here} of ${settings.minWorkers} workers were ready after ${settings.workerTimeoutMs / 1000} seconds`,
    hint: 'start more workers, or give --min-workers or a longer --worker-timeout',
  });
}

/** Says what a worker has not done in time; null when nothing is overdue. */
function overdue(state: CoordinatorState, worker: WorkerRecord, nowMs: number): string | null {
  const seconds = (limitMs: number): string => `${limitMs / 1000} seconds`;
  if (nowMs - worker.heardAtMs > LIMITS.peerSilenceMs) return `has been silent for ${seconds(LIMITS.peerSilenceMs)}`;
  if (worker.status === 'preparing' && nowMs - worker.sinceMs > LIMITS.prepareDeadlineMs) {
    return `has not loaded its engine in ${seconds(LIMITS.prepareDeadlineMs)}`;
  }
  if (worker.status === 'syncing' && nowMs - worker.sinceMs > LIMITS.transferDeadlineMs) {
    return `has not taken over the weights in ${seconds(LIMITS.transferDeadlineMs)}`;
  }
  const askedMs = oldestTaskMs(state, worker.peer);
  if (askedMs !== null && nowMs - askedMs > LIMITS.shardDeadlineMs) {
    return `has not answered in ${seconds(LIMITS.shardDeadlineMs)} at step ${state.step}`;
  }
  return null;
}

/** When the oldest unanswered task of this peer was given to it. */
function oldestTaskMs(state: CoordinatorState, peer: string): number | null {
  const { phase, snapshot } = state;
  const times: number[] = [];
  if (snapshot?.peer === peer) times.push(snapshot.sinceMs);
  if (phase.name === 'sampling' && phase.peer === peer) times.push(phase.sinceMs);
  for (const commit of state.commits.values()) if (commit.waiting.has(peer)) times.push(commit.sentAtMs);
  const tasks = openTasks(state);
  for (const task of tasks.values()) if (task.peer === peer) times.push(task.sinceMs);
  return times.length === 0 ? null : Math.min(...times);
}

function openTasks({ phase }: CoordinatorState): ReadonlyMap<number, Assignment> {
  if (phase.name === 'computing') return phase.pending;
  return phase.name === 'evaluating' ? phase.outstanding : new Map<number, Assignment>();
}
