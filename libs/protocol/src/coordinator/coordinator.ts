/**
 * The coordinator as a state machine without any input or output of its own: `stepCoordinator(state, event, now)`
 * returns the next state and what to do. The same state and the same event give the same answer, so a whole cluster
 * can be simulated, replayed and tested without a socket.
 */
import type { Failure, WorkerMessage } from '../messages.js';
import { onHello, onReady, onSynced } from './admission.js';
import { onGradient } from './answers.js';
import { advance } from './boundary.js';
import { onSnapshot } from './checkpointing.js';
import { onApplied } from './commit.js';
import { breach, receive } from './conversation.js';
import { onTick } from './deadlines.js';
import { blame, losePeer, removeWorker } from './departure.js';
import { beginDrain } from './draining.js';
import { onEvaluated } from './evaluation.js';
import { onExchangeNews } from './exchanging.js';
import type { Command, CoordinatorAction, CoordinatorEvent } from './events.js';
import { catchUp } from './lateness.js';
import { onRestored } from './recovery.js';
import { onPlanJournalled, requestPlan } from './replanning.js';
import { onSampled } from './sampling.js';
import { end, reject, sendStamped, stampActions } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, WorkerRecord } from './state.js';
import { onShipped } from './shipping.js';
import { onReduced } from './step.js';

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
  return { state: stamped(advance(handled, out, nowMs), out), actions: out };
}

/** Gives every message of this turn its place in the talk with its receiver. */
function stamped(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  let next = state;
  for (const worker of state.workers.values()) {
    const sent = stampActions(out, worker);
    if (sent !== worker.sent) next = withWorker(next, { ...worker, sent });
  }
  return next;
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
    case 'unreadable':
      return onUnreadable(state, out, event, nowMs);
    case 'gone': {
      out.push({ type: 'drop', peer: event.peer });
      const what = nameWorker(state, event.peer) + event.reason;
      const failure: Failure = { kind: 'retry', what, hint: 'look at the log of the worker' };
      return losePeer(state, out, event.peer, failure, event.certain ? 'ended' : 'cut off', nowMs);
    }
    case 'reduced':
      return onReduced(state, out, event, nowMs);
    case 'journalled':
      return { ...state, durable: Math.max(state.durable, event.step + 1) };
    case 'plan-journalled':
      return onPlanJournalled(state, out, event.plan);
    case 'saved':
      return { ...state, savedStep: Math.max(state.savedStep, event.step) };
    case 'restored':
      return onRestored(state, out, event, nowMs);
    case 'command':
      return onCommand(state, out, event.id, event.command, nowMs);
    case 'stop-requested':
      return { ...state, stopRequested: true };
    case 'abandoned':
      return end(state, out, event.failure);
    case 'tick':
      return onTick(state, out, nowMs);
  }
}

/** The beginning of a sentence about a member; empty for a stranger. */
function nameWorker(state: CoordinatorState, peer: string): string {
  const worker = state.workers.get(peer);
  return worker === undefined ? '' : `worker ${worker.slot} (pid ${worker.pid} on ${worker.host}): `;
}

function onCommand(
  state: CoordinatorState,
  out: CoordinatorAction[],
  id: number,
  command: Command,
  nowMs: number,
): CoordinatorState {
  if (command.type === 'reshard') return requestPlan(state, out, id, command.shards);
  const worker = [...state.workers.values()].find(({ slot }) => slot === command.slot);
  const text =
    worker === undefined
      ? `there is no worker ${command.slot}`
      : `worker ${worker.slot} (${worker.name}) goes as soon as it can`;
  out.push({ type: 'reply', id, ok: worker !== undefined, text });
  return worker === undefined ? state : beginDrain(state, worker, nowMs);
}

/**
 * From a member, which has shown its version: the talk with it is begun anew. From a stranger: one of another version
 * is told, and a worker whose hello was damaged tries again.
 */
function onUnreadable(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { peer, problem, what }: Extract<CoordinatorEvent, { type: 'unreadable' }>,
  nowMs: number,
): CoordinatorState {
  const worker = state.workers.get(peer);
  reject(out, worker ?? null, problem === 'version' ? 'other-version' : 'damaged', what);
  if (worker !== undefined) return breach(state, out, worker, what, nowMs);
  if (problem === 'version') {
    const hint = 'install the same version of lockstep on both machines';
    const refusal = { type: 'refuse', failure: { kind: 'protocol', what, hint } } as const;
    sendStamped(out, peer, refusal, { conversation: 0, sequence: 0 });
  } else {
    out.push({ type: 'drop', peer });
  }
  return state;
}

type MessageEvent = Extract<CoordinatorEvent, { type: 'message' }>;

function onMessage(
  state: CoordinatorState,
  out: CoordinatorAction[],
  event: MessageEvent,
  nowMs: number,
): CoordinatorState {
  const { peer, message, stamp } = event;
  const known = state.workers.get(peer);
  if (message.type === 'hello') {
    if (known === undefined || stamp.conversation > known.conversation) {
      return onHello(state, out, peer, message, stamp, nowMs);
    }
    reject(out, known, stamp.conversation === known.conversation ? 'duplicate' : 'stale-conversation', 'hello');
    return state;
  }
  if (known === undefined) {
    reject(out, null, 'not-a-member', message.type);
    return state;
  }
  const reception = receive(state, out, known, message, stamp, nowMs);
  return reception.isNext
    ? obey(reception.state, out, reception.worker, { ...event, message }, nowMs)
    : reception.state;
}

function obey(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  event: MessageEvent & { readonly message: Exclude<WorkerMessage, { type: 'hello' }> },
  nowMs: number,
): CoordinatorState {
  const { message, payload, payloadDigests } = event;
  const [bytes] = payload;
  switch (message.type) {
    case 'ready':
      return onReady(state, out, worker, message, nowMs);
    case 'synced':
      return worker.status === 'behind'
        ? catchUp(state, out, worker, message, nowMs)
        : onSynced(state, out, worker, message, nowMs);
    case 'heartbeat':
      return withWorker(state, {
        ...worker,
        activity: message.activity,
        activityStep: message.step,
        activityAtMs: nowMs,
      });
    case 'gradient': {
      const { digest, finite } = message.held ?? { digest: payloadDigests[0], finite: event.finite };
      if (digest === undefined) return state;
      return onGradient(state, out, worker, { message, payload: bytes ?? null, digest, finite }, nowMs);
    }
    case 'shipped': {
      const [digest] = payloadDigests;
      if (bytes === undefined || digest === undefined) return state;
      return onShipped(state, out, worker, { message, payload: bytes, digest, finite: event.finite }, nowMs);
    }
    case 'exchanged':
    case 'exchange-broken':
    case 'exchange-waits':
      return onExchangeNews(state, out, worker, message, nowMs);
    case 'applied':
      return onApplied(state, out, worker, message, nowMs);
    case 'snapshot':
      return bytes === undefined ? state : onSnapshot(state, out, worker, message, bytes, nowMs);
    case 'evaluated':
      return onEvaluated(state, out, worker, message);
    case 'sampled':
      return bytes === undefined ? state : onSampled(state, out, worker, bytes);
    case 'leave':
      return beginDrain(state, worker, nowMs);
    case 'failed':
      return onFailed(state, out, worker, message, nowMs);
  }
}

/** Kinds of failure that starting the same worker again does not mend. */
const LASTING: ReadonlySet<Failure['kind']> = new Set([
  'usage',
  'data',
  'unavailable',
  'protocol',
  'unauthorised',
  'config',
]);

/** What keeps a worker of our own from starting at all ends the run before it has begun. */
function onFailed(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  { failure, stack, log }: Extract<WorkerMessage, { type: 'failed' }>,
  nowMs: number,
): CoordinatorState {
  const named = { ...failure, what: nameWorker(state, worker.peer) + failure.what };
  const words = { said: failure.what, stack, log };
  const next = removeWorker(blame(state, worker, named, nowMs), out, worker.peer, named.what, words);
  const hasBegun = state.phase.name !== 'gathering' || state.agreed.size === 0;
  return worker.supervised && !hasBegun && LASTING.has(failure.kind) ? end(next, out, named) : next;
}
