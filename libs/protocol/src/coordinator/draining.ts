/**
 * Workers that are to go: told from outside (SIGTERM) or by the user. One that has something in hand finishes it, or
 * hands it back when that takes long; the last one that holds the weights hands those over first.
 */
import { LIMITS } from '@lockstep/config';
import { dismiss } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { hasOpenTasks } from './lateness.js';
import { readyWorkers, withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

export function beginDrain(state: CoordinatorState, worker: WorkerRecord, nowMs: number): CoordinatorState {
  return withWorker(state, { ...worker, drainingSinceMs: worker.drainingSinceMs ?? nowMs });
}

/** Everybody who holds the weights is about to go. */
export function everybodyDrains(state: CoordinatorState): boolean {
  const ready = readyWorkers(state);
  return ready.length > 0 && ready.every(({ drainingSinceMs }) => drainingSinceMs !== null);
}

/** Lets go whoever can be spared. */
export function releaseDrained(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  let next = state;
  for (const worker of state.workers.values()) {
    if (worker.drainingSinceMs !== null && canGo(next, worker, nowMs)) {
      next = dismiss(next, out, worker, 'drained', 'drained');
    }
  }
  return next;
}

function canGo(state: CoordinatorState, worker: WorkerRecord, nowMs: number): boolean {
  if (worker.status !== 'ready') return true;
  const others = readyWorkers(state).filter(({ peer }) => peer !== worker.peer);
  const isHeld = state.replica?.step === state.step;
  if (others.length === 0 && !isHeld) return false;
  if (state.phase.name === 'sampling' && state.phase.peer === worker.peer) return false;
  const isOverdue = nowMs - (worker.drainingSinceMs ?? nowMs) > LIMITS.drainMs;
  if (!isOverdue && isHolding(state, worker.peer)) return false;
  return isOverdue || (!hasOpenTasks(state, worker.peer) && state.snapshot?.peer !== worker.peer);
}

/** Whether others need what this worker holds: a gradient, or its part in an exchange. */
function isHolding({ phase }: CoordinatorState, peer: string): boolean {
  if (phase.name === 'exchanging') return phase.members.includes(peer);
  if (phase.name !== 'computing') return false;
  const answers = [...phase.open.values()].flatMap((shard) => shard.answers).filter(({ isHeld }) => isHeld);
  const results = [...phase.results.values()].filter(({ gradient }) => gradient !== 'collected');
  return [...results, ...answers].some((held) => held.peer === peer);
}
