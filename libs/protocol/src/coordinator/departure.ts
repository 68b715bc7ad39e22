/**
 * How a worker goes. Removing it from the membership is all that happens here: whatever it was waited for is asked
 * again by `advance`, which runs after every event, so there is no list of places to clean up that could be
 * incomplete.
 */
import type { Failure } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { end, report } from './sending.js';
import type { CoordinatorState } from './state.js';

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
  report(out, { type: 'worker', slot: worker.slot, status: how, detail: reason });
  return { ...state, workers, membership: state.membership + 1 };
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
  const known = { ...state, firstFailure: state.firstFailure ?? failure };
  const next = removeWorker(known, out, peer, failure.what);
  if (next.phase.name === 'gathering' && next.settings.localPeers.has(peer)) {
    return end(next, out, known.firstFailure);
  }
  return next;
}
