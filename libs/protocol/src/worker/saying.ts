/** What every rule of the worker ends in: something said, computed, broken off or ended. */
import { LIMITS } from '@lockstep/config';
import type { Failure, WorkerMessage } from '../messages.js';
import {
  LOG_LINE_LENGTH_MAX,
  LOG_LINES_MAX,
  PROTOCOL_VERSION,
  STACK_LENGTH_MAX,
  TEXT_LENGTH_MAX,
} from '../messages.js';
import type { ComputeTask, WorkerAction, WorkerOutcome } from './events.js';
import type { WorkerState } from './state.js';

/** Says something with the next stamp of the conversation. */
export function say(
  state: WorkerState,
  out: WorkerAction[],
  message: WorkerMessage,
  payload: readonly Uint8Array[] = [],
): WorkerState {
  const { conversation, saying } = state;
  out.push({ type: 'send', message, stamp: { conversation, sequence: saying }, payload });
  return { ...state, saying: saying + 1 };
}

/** Begins a conversation: whatever was said in the one before may be lost, and counts no more. */
export function greet(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const { settings, envelope, incarnation } = state;
  const { softwareVersion, name, supervised, host, pid } = settings;
  // After a welcome this process belongs to one run; another coordinator at the same address is to refuse it.
  const run = envelope?.run ?? settings.run;
  const obeyed = envelope === null || incarnation === null ? null : { term: envelope.term, incarnation };
  const begun: WorkerState = {
    ...state,
    phase: 'greeting',
    conversation: state.conversation + 1,
    saying: 0,
    hearing: 0,
    arriving: null,
    aloneSinceMs: state.aloneSinceMs ?? nowMs,
    greetedAtMs: nowMs,
  };
  return say(begun, out, {
    ...{ type: 'hello', protocolVersion: PROTOCOL_VERSION, softwareVersion, run, obeyed, name, supervised, host, pid },
  });
}

export function compute(state: WorkerState, out: WorkerAction[], task: ComputeTask): WorkerState {
  out.push({ type: 'compute', conversation: state.conversation, task });
  return { ...state, tasks: [...state.tasks, task.type] };
}

export function note(state: WorkerState, out: WorkerAction[], what: string): WorkerState {
  out.push({ type: 'note', what });
  return state;
}

export function finish(state: WorkerState, out: WorkerAction[], outcome: WorkerOutcome): WorkerState {
  out.push({ type: 'end', outcome });
  return { ...state, phase: 'ended' };
}

/** Ends the worker, and tells the coordinator why where there is one to tell; the driver adds what the log says. */
export function fail(state: WorkerState, out: WorkerAction[], failure: Failure, stack = ''): WorkerState {
  if (state.phase !== 'away') {
    const { kind, what, hint } = failure;
    const cut = { kind, what: what.slice(0, TEXT_LENGTH_MAX), hint: hint.slice(0, TEXT_LENGTH_MAX) };
    const run = state.envelope?.run ?? null;
    say(state, out, { type: 'failed', run, failure: cut, stack: stack.slice(0, STACK_LENGTH_MAX), log: [] });
  }
  return finish(state, out, { result: 'failed', failure });
}

/**
 * The message as it is sent: a worker that fails says the last lines of its log, too, as many as the schema takes.
 * @param lastLines of the log, the newest last
 */
export function withLog(message: WorkerMessage, lastLines: () => readonly string[]): WorkerMessage {
  if (message.type !== 'failed') return message;
  const lines = lastLines().slice(-LOG_LINES_MAX);
  return { ...message, log: lines.map((line) => line.slice(0, LOG_LINE_LENGTH_MAX)) };
}

/** The gradients of a step are not needed any more, or void with the conversation they belong to. */
export function forgetExchange(state: WorkerState, out: WorkerAction[]): WorkerState {
  if (state.exchange !== null) out.push({ type: 'exchange-over' });
  return state.exchange === null && state.held.size === 0 ? state : { ...state, held: new Map(), exchange: null };
}

/** The connection is no more; what is held is kept for the next one. A worker about to go does not wait for that. */
export function lose(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  if (state.leavingAtMs !== null) return finish(state, out, { result: 'left' });
  const aloneSinceMs = state.aloneSinceMs ?? nowMs;
  return { ...forgetExchange(state, out), phase: 'away', arriving: null, aloneSinceMs };
}

/** Gives a connection up that cannot be trusted. */
export function breakOff(state: WorkerState, out: WorkerAction[], reason: string, nowMs: number): WorkerState {
  out.push({ type: 'note', what: reason }, { type: 'reconnect', reason });
  return lose(state, out, nowMs);
}

/**
 * Something came that has no place in the conversation. Beginning anew levels both sides; where that has not helped
 * again and again, the two do not understand each other.
 */
export function breach(state: WorkerState, out: WorkerAction[], what: string, nowMs: number): WorkerState {
  const breaches = state.breaches + 1;
  if (breaches >= LIMITS.breachesMax) return fail(state, out, misunderstanding(what));
  return breakOff({ ...state, breaches }, out, what, nowMs);
}

export function misunderstanding(what: string): Failure {
  return { kind: 'protocol', what, hint: 'check that both sides run the same version of lockstep' };
}
