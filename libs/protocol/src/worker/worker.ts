/**
 * A worker as a state machine without any input or output of its own. It obeys one coordinator: it computes the
 * shards it is given, applies each update exactly once and in order, and says what it did. Anything out of order is
 * a fault that ends the worker rather than a guess.
 */
import { LIMITS, invariant } from '@lockstep/config';
import type { CoordinatorMessage, Failure, WorkerMessage } from '../messages.js';
import { PROTOCOL_VERSION, STACK_LENGTH_MAX, TEXT_LENGTH_MAX } from '../messages.js';
import { onComputed } from './answers.js';
import type { ComputeTask, WorkerAction, WorkerEvent, WorkerOutcome } from './events.js';
import type { WorkerState } from './state.js';

export interface WorkerTransition {
  readonly state: WorkerState;
  readonly actions: readonly WorkerAction[];
}

/** @param nowMs monotonic milliseconds, never less than at the call before */
export function stepWorker(state: WorkerState, event: WorkerEvent, nowMs: number): WorkerTransition {
  const out: WorkerAction[] = [];
  if (state.phase === 'ended') return { state, actions: out };
  return { state: handle(state, out, event, nowMs), actions: out };
}

function handle(state: WorkerState, out: WorkerAction[], event: WorkerEvent, nowMs: number): WorkerState {
  switch (event.type) {
    case 'connected':
      return greet(state, out, nowMs);
    case 'message':
      return onMessage({ ...state, heardAtMs: nowMs }, out, event.message, event.payload);
    case 'malformed':
      return fail(state, out, protocolFailure(event.what));
    case 'computed':
      return onComputed(state, out, event.result);
    case 'compute-failed':
      return fail(state, out, event.failure, event.stack);
    case 'leave-requested':
      if (state.envelope !== null) say(out, { type: 'leave', ...state.envelope });
      return finish(state, out, { result: 'left' });
    case 'tick':
      return onTick(state, out, nowMs);
  }
}

function say(out: WorkerAction[], message: WorkerMessage): void {
  out.push({ type: 'send', message, payload: [] });
}

function compute(out: WorkerAction[], task: ComputeTask): void {
  out.push({ type: 'compute', task });
}

function finish(state: WorkerState, out: WorkerAction[], outcome: WorkerOutcome): WorkerState {
  out.push({ type: 'end', outcome });
  return { ...state, phase: 'ended' };
}

function fail(state: WorkerState, out: WorkerAction[], failure: Failure, stack = ''): WorkerState {
  const { kind, what, hint } = failure;
  const cut = { kind, what: what.slice(0, TEXT_LENGTH_MAX), hint: hint.slice(0, TEXT_LENGTH_MAX) };
  const run = state.envelope?.run ?? null;
  say(out, { type: 'failed', run, failure: cut, stack: stack.slice(0, STACK_LENGTH_MAX) });
  return finish(state, out, { result: 'failed', failure });
}

function protocolFailure(what: string): Failure {
  return { kind: 'protocol', what, hint: 'check that both sides run the same version of lockstep' };
}

/** Says hello; again after each reconnect, because whatever was sent in between may be lost. */
function greet(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const { softwareVersion, host, pid } = state.settings;
  // After a welcome this process belongs to one run; another coordinator at the same address is to refuse it.
  const run = state.settings.run ?? state.envelope?.run ?? null;
  say(out, { type: 'hello', protocolVersion: PROTOCOL_VERSION, softwareVersion, run, host, pid });
  return { ...state, phase: 'greeting', heardAtMs: nowMs };
}

function onTick(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const { settings, envelope } = state;
  const silentMs = nowMs - state.heardAtMs;
  if (state.phase === 'greeting' && silentMs > settings.connectDeadlineMs) {
    return finish(state, out, {
      result: 'failed',
      failure: {
        kind: 'unavailable',
        what: `no coordinator has answered at ${settings.coordinator} for ${settings.connectDeadlineMs / 1000} seconds`,
        hint: 'check the address, that `lockstep train` runs there with --bind, and the firewall in between',
      },
    });
  }
  if (state.phase !== 'greeting' && silentMs > settings.silenceLimitMs) {
    const seconds = settings.silenceLimitMs / 1000;
    const what = `the coordinator at ${settings.coordinator} has been silent for ${seconds} seconds`;
    return finish(state, out, { result: 'failed', failure: { kind: 'retry', what, hint: 'start the worker again' } });
  }
  if (envelope === null || nowMs - state.pulsedAtMs < LIMITS.heartbeatEveryMs) return state;
  say(out, { type: 'heartbeat', ...envelope, step: state.step });
  return { ...state, pulsedAtMs: nowMs };
}

function onMessage(
  state: WorkerState,
  out: WorkerAction[],
  message: CoordinatorMessage,
  payload: readonly Uint8Array[],
): WorkerState {
  if (message.type === 'refuse') return finish(state, out, { result: 'failed', failure: message.failure });
  if (message.type === 'stop') return onStop(state, out, message.reason, message.detail);
  if (state.envelope !== null && (message.run !== state.envelope.run || message.term < state.envelope.term)) {
    out.push({ type: 'note', what: `ignored ${message.type} of run ${message.run}, term ${message.term}` });
    return state;
  }
  const { run, term, membership } = message;
  return obey({ ...state, envelope: { run, term, membership } }, out, message, payload);
}

function obey(
  state: WorkerState,
  out: WorkerAction[],
  message: Exclude<CoordinatorMessage, { type: 'refuse' | 'stop' }>,
  payload: readonly Uint8Array[],
): WorkerState {
  if (message.type === 'heartbeat') return state;
  if (message.type === 'welcome') {
    out.push({ type: 'note', what: `joined run ${message.run} as worker ${message.slot}` });
    compute(out, { type: 'prepare', config: message.config });
    return { ...state, phase: 'preparing', slot: message.slot };
  }
  if (message.type === 'replica') {
    compute(out, { type: 'load', replica: message, payload });
    return { ...state, step: message.step };
  }
  // A worker that has said hello again is being levelled anew: tasks from before are void.
  if (state.phase !== 'synced') return state;
  return work(state, out, message, payload);
}

function work(
  state: WorkerState,
  out: WorkerAction[],
  message: Extract<CoordinatorMessage, { type: 'assign' | 'update' | 'snapshot-request' | 'evaluate' | 'sample' }>,
  payload: readonly Uint8Array[],
): WorkerState {
  const [first] = payload;
  switch (message.type) {
    case 'assign':
      invariant(first !== undefined, 'an assignment without its windows');
      if (message.step !== state.step) return outOfStep(state, out, message.type, message.step);
      compute(out, { type: 'gradient', assign: message, payload: first });
      return state;
    case 'update':
      invariant(first !== undefined, 'an update without its gradient');
      if (message.step !== state.step) return outOfStep(state, out, message.type, message.step);
      compute(out, { type: 'apply', update: message, payload: first });
      return { ...state, step: state.step + 1 };
    case 'snapshot-request':
      if (message.step !== state.step) return outOfStep(state, out, message.type, message.step);
      compute(out, { type: 'snapshot', step: message.step });
      return state;
    case 'evaluate':
      invariant(first !== undefined, 'an evaluation without its windows');
      compute(out, { type: 'evaluate', evaluate: message, payload: first });
      return state;
    case 'sample':
      compute(out, { type: 'sample', sample: message });
      return state;
  }
}

function outOfStep(state: WorkerState, out: WorkerAction[], type: string, step: number): WorkerState {
  return fail(state, out, protocolFailure(`${type} for step ${step} reached a replica at step ${state.step}`));
}

function onStop(
  state: WorkerState,
  out: WorkerAction[],
  reason: 'done' | 'stopped' | 'failed' | 'dropped',
  detail: string,
): WorkerState {
  if (reason === 'done' || reason === 'stopped') return finish(state, out, { result: reason });
  const what =
    reason === 'failed' ? `the run has failed: ${detail}` : `the coordinator has dropped this worker: ${detail}`;
  return finish(state, out, { result: 'failed', failure: { kind: 'retry', what, hint: 'see the coordinator' } });
}
