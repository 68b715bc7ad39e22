/**
 * How a worker goes: out of the membership, and out of whatever waits for it by name, because the same process may say
 * hello again before anybody has noticed. What follows from it is asked by `advance`, which runs after every event.
 */
import type { Failure } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { end, report } from './sending.js';
import type { CoordinatorState } from './state.js';

/** Holder of a request whose worker is gone: to be asked of another. */
const NOBODY = '';

/** Takes a peer out of the membership; unknown peers change nothing. */
export function removeWorker(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  reason: string,
  how: 'gone' | 'left' = 'gone',
): CoordinatorState {
  const worker = state.workers.get(peer);
  if (worker === undefined) return state;
  const workers = new Map(state.workers);
  workers.delete(peer);
  const commits = new Map(
    [...state.commits].map(([step, commit]) => {
      const waiting = new Set(commit.waiting);
      waiting.delete(peer);
      return [step, { ...commit, waiting }];
    }),
  );
  const snapshot = state.snapshot?.peer === peer ? { ...state.snapshot, peer: NOBODY } : state.snapshot;
  report(out, { type: 'worker', slot: worker.slot, status: how, detail: reason });
  return { ...state, workers, commits, snapshot, membership: state.membership + 1 };
}

/**
 * A peer that is lost: before the first step a worker of our own cannot be replaced, so the run ends with its
 * failure.
 */
export function losePeer(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  failure: Failure,
): CoordinatorState {
  const isOurs = state.workers.has(peer) || state.settings.localPeers.has(peer);
  // What a stranger says is nobody's cause.
  const known = isOurs ? { ...state, firstFailure: state.firstFailure ?? failure } : state;
  const next = removeWorker(known, out, peer, failure.what);
  const isStart = next.phase.name === 'gathering' && next.step === 0;
  return isStart && next.settings.localPeers.has(peer) ? end(next, out, known.firstFailure ?? failure) : next;
}
