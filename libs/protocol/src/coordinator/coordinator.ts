/**
 * The coordinator as a state machine without any input or output of its own: `stepCoordinator(state, event, now)`
 * returns the next state and what to do. The same state and the same event give the same answer, so a whole cluster
 * can be simulated, replayed and tested without a socket.
 */
import { onHello, onReady, onSynced } from './admission.js';
import { advance, onSnapshot } from './boundary.js';
import { onApplied } from './commit.js';
import { onTick } from './deadlines.js';
import { losePeer, removeWorker } from './departure.js';
import { onEvaluated } from './evaluation.js';
import type { CoordinatorAction, CoordinatorEvent } from './events.js';
import { refuse, report } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';
import { onGradient, onReduced } from './step.js';

export interface CoordinatorTransition {
  readonly state: CoordinatorState;
  readonly actions: readonly CoordinatorAction[];
}

/** @param nowMs monotonic milliseconds, never less than at the call before */
export function stepCoordinator(
  state: CoordinatorState,
  event: CoordinatorEvent,
  nowMs: number,
): CoordinatorTransition {
  const out: CoordinatorAction[] = [];
  if (state.phase.name === 'ended') return { state, actions: out };
  const handled = handle(state, out, event, nowMs);
  return { state: advance(handled, out, nowMs), actions: out };
}

function handle(
  state: CoordinatorState,
  out: CoordinatorAction[],
  event: CoordinatorEvent,
  nowMs: number,
): CoordinatorState {
  switch (event.type) {
    case 'message':
      return onMessage(state, out, event, nowMs);
    case 'malformed': {
      report(out, { type: 'rejected', slot: state.workers.get(event.peer)?.slot ?? null, reason: event.what });
      const hint = 'check that only lockstep workers connect to this address';
      refuse(out, event.peer, { kind: 'protocol', what: event.what, hint });
      return removeWorker(state, out, event.peer, event.what);
    }
    case 'gone':
      out.push({ type: 'drop', peer: event.peer });
      return losePeer(state, out, event.peer, {
        kind: 'retry',
        what: nameWorker(state, event.peer) + event.reason,
        hint: 'look at the log of the worker',
      });
    case 'reduced':
      return onReduced(state, out, event, nowMs);
    case 'stop-requested':
      return { ...state, stopRequested: true };
    case 'tick':
      return onTick(state, out, nowMs);
  }
}

/** The beginning of a sentence about a member; empty for a stranger. */
function nameWorker(state: CoordinatorState, peer: string): string {
  const worker = state.workers.get(peer);
  return worker === undefined ? '' : `worker ${worker.slot} (pid ${worker.pid} on ${worker.host}): `;
}

type MessageEvent = Extract<CoordinatorEvent, { type: 'message' }>;

function onMessage(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { peer, message, payload }: MessageEvent,
  nowMs: number,
): CoordinatorState {
  if (message.type === 'hello') return onHello(state, out, peer, message, nowMs);
  const known = state.workers.get(peer);
  if (known === undefined) {
    if (message.type === 'failed') return losePeer(state, out, peer, message.failure);
    report(out, { type: 'rejected', slot: null, reason: `${message.type} from a peer that is not a member` });
    return state;
  }
  if (message.type !== 'failed' && (message.run !== state.settings.run || message.term !== state.settings.term)) {
    report(out, { type: 'rejected', slot: known.slot, reason: `${message.type} of another run or term` });
    return state;
  }
  const worker: WorkerRecord = { ...known, heardAtMs: nowMs };
  const heard = withWorker(state, worker);
  switch (message.type) {
    case 'ready':
      return onReady(heard, out, worker, message, nowMs);
    case 'synced':
      return onSynced(heard, out, worker, message, nowMs);
    case 'heartbeat':
      return heard;
    case 'gradient':
      return payload[0] === undefined ? heard : onGradient(heard, out, worker, message, payload[0]);
    case 'applied':
      return onApplied(heard, out, worker, message);
    case 'snapshot':
      return onSnapshot(heard, out, peer, message, payload);
    case 'evaluated':
      return onEvaluated(heard, out, worker, message);
    case 'sampled':
      return payload[0] === undefined ? heard : onSampled(heard, out, peer, payload[0]);
    case 'leave':
      return removeWorker(heard, out, peer, 'told to leave', 'left');
    case 'failed':
      return losePeer(heard, out, peer, {
        ...message.failure,
        what: nameWorker(heard, peer) + message.failure.what,
      });
  }
}

function onSampled(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  payload: Uint8Array,
): CoordinatorState {
  if (state.phase.name !== 'sampling' || state.phase.peer !== peer) return state;
  report(out, { type: 'sample', payload });
  return { ...state, sampled: true, phase: { name: 'boundary' } };
}
