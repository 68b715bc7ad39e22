/**
 * A worker as a state machine without any input or output of its own. It obeys one coordinator: it computes the
 * shards it is given, applies each update exactly once and in order, and says what it did. Whatever is doubled, late,
 * missing or out of order is never applied: the conversation is begun anew by a hello, and the replica is kept.
 */
import { LIMITS } from '@lockstep/config';
import type { CoordinatorMessage, Failure } from '../messages.js';
import { activityOf, onComputed } from './answers.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import { onExchanged, onHindrance } from './exchanging.js';
import { obey } from './obeying.js';
import { breach, breakOff, fail, finish, greet, lose, misunderstanding, note, say } from './saying.js';
import { isWelcomed } from './state.js';
import type { WorkerState } from './state.js';

/** Beyond the time that the coordinator gives a worker to finish what it has: its answer may be on the way. */
const DRAIN_GRACE_MS = 5_000;

export interface WorkerTransition {
  readonly state: WorkerState;
  readonly actions: readonly WorkerAction[];
}

/** @param nowMs monotonic milliseconds, never less than at the call before */
export function stepWorker(state: WorkerState, event: WorkerEvent, nowMs: number): WorkerTransition {
  const out: WorkerAction[] = [];
  if (state.phase === 'ended') return { state, actions: out };
  const handled = handle(state, out, event, nowMs);
  return { state: begins(state, handled) ? beat(handled, out, nowMs) : handled, actions: out };
}

/** Whether a shard is begun now, which is said at once: a worker that ends in the middle shows what it ended with. */
function begins(before: WorkerState, after: WorkerState): boolean {
  if (after.phase !== 'synced' || after.tasks === before.tasks || after.tasks[0] !== 'gradient') return false;
  return before.tasks.length === 0 || after.tasks.length < before.tasks.length;
}

function handle(state: WorkerState, out: WorkerAction[], event: WorkerEvent, nowMs: number): WorkerState {
  switch (event.type) {
    case 'connected':
      return greet({ ...state, heardAtMs: nowMs }, out, nowMs);
    case 'disconnected':
      if (state.phase === 'away') return state;
      return lose(note(state, out, `disconnected: ${event.reason}`), out, nowMs);
    case 'message':
      return onMessage(state, out, event, nowMs);
    case 'unreadable':
      // One that has been welcomed knows the version: a digit was altered on the way.
      if (event.problem === 'version' && !isWelcomed(state)) return fail(state, out, misunderstanding(event.what));
      return state.phase === 'away' ? state : breach(state, out, event.what, nowMs);
    case 'computed':
      return onComputed(state, out, event.conversation, event.result);
    case 'compute-failed':
      return fail(state, out, event.failure, event.stack);
    case 'listening':
      return { ...state, endpoint: event.endpoint, sharing: event.sharing };
    case 'exchanged':
      return onExchanged(state, out, event);
    case 'exchange-broken':
    case 'exchange-waits':
      return onHindrance(state, out, event);
    case 'leave-requested':
      return onLeave(state, out, nowMs);
    case 'tick':
      return onTick(state, out, nowMs);
  }
}

function onMessage(
  state: WorkerState,
  out: WorkerAction[],
  { message, stamp, payload }: Extract<WorkerEvent, { type: 'message' }>,
  nowMs: number,
): WorkerState {
  if (state.phase === 'away' || stamp.conversation !== state.conversation) {
    return note(state, out, `dropped ${message.type} of conversation ${stamp.conversation}, which is over`);
  }
  if (stamp.sequence < state.hearing) return note(state, out, `dropped ${message.type}, which came twice`);
  if (stamp.sequence > state.hearing) return onGap(state, out, message, stamp.sequence, nowMs);
  return obey({ ...state, hearing: state.hearing + 1, heardAtMs: nowMs }, out, message, payload, nowMs);
}

function onGap(
  state: WorkerState,
  out: WorkerAction[],
  { type }: CoordinatorMessage,
  sequence: number,
  nowMs: number,
): WorkerState {
  const count = sequence - state.hearing;
  return breakOff(state, out, `${count} ${count === 1 ? 'message' : 'messages'} before ${type} got lost`, nowMs);
}

/** Asked once, it goes when the coordinator lets it; asked again, or with nobody to ask, it goes at once. */
function onLeave(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const { envelope } = state;
  if (envelope === null || !isWelcomed(state) || state.leavingAtMs !== null) {
    return finish(state, out, { result: 'left' });
  }
  return { ...say(state, out, { type: 'leave', ...envelope }), leavingAtMs: nowMs };
}

function onTick(before: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const state = forgiveStop(before, nowMs);
  const { settings, phase } = state;
  if (state.leavingAtMs !== null && nowMs - state.leavingAtMs > LIMITS.drainMs + DRAIN_GRACE_MS) {
    return finish(state, out, { result: 'left' });
  }
  const goneFor = aloneTooLong(state, nowMs);
  if (goneFor !== undefined) return finish(state, out, { result: 'failed', failure: goneFor });
  if (phase === 'away') return state;
  if (phase === 'held') {
    return nowMs < state.againAtMs ? state : greet({ ...state, heardAtMs: nowMs }, out, nowMs);
  }
  if (nowMs - state.heardAtMs > settings.silenceLimitMs) {
    const seconds = settings.silenceLimitMs / 1000;
    return breakOff(state, out, `the coordinator at ${settings.coordinator} has been silent for ${seconds} s`, nowMs);
  }
  if (phase === 'greeting') {
    return nowMs - state.greetedAtMs < LIMITS.helloEveryMs ? state : greet(state, out, nowMs);
  }
  return pulse(state, out, nowMs);
}

function pulse(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  return nowMs - state.pulsedAtMs < LIMITS.heartbeatEveryMs ? state : beat(state, out, nowMs);
}

function beat(state: WorkerState, out: WorkerAction[], nowMs: number): WorkerState {
  const { envelope } = state;
  if (envelope === null) return state;
  const message = { type: 'heartbeat', ...envelope, step: state.step ?? 0, activity: activityOf(state) } as const;
  return { ...say(state, out, message), pulsedAtMs: nowMs };
}

/** A tick that is very late tells that this process was stopped: nobody could be heard then, by nobody's fault. */
function forgiveStop(state: WorkerState, nowMs: number): WorkerState {
  const lateMs = nowMs - state.tickedAtMs;
  const ticked: WorkerState = { ...state, tickedAtMs: nowMs };
  if (lateMs <= LIMITS.heldUpMs) return ticked;
  const aloneSinceMs = state.aloneSinceMs === null ? null : Math.min(nowMs, state.aloneSinceMs + lateMs);
  return { ...ticked, aloneSinceMs, heardAtMs: Math.min(nowMs, state.heardAtMs + lateMs) };
}

/** Why there is no use in looking for the coordinator any longer. */
function aloneTooLong({ settings, envelope, aloneSinceMs }: WorkerState, nowMs: number): Failure | undefined {
  const limitMs = envelope === null ? settings.connectDeadlineMs : settings.awayLimitMs;
  if (aloneSinceMs === null || nowMs - aloneSinceMs <= limitMs) return undefined;
  const seconds = limitMs / 1000;
  if (envelope === null) {
    return {
      kind: 'unavailable',
      what: `no coordinator has answered at ${settings.coordinator} for ${seconds} seconds`,
      hint: 'check the address, that `lockstep train` runs there with --bind, and the firewall in between',
    };
  }
  return {
    kind: 'retry',
    what: `the coordinator at ${settings.coordinator} has been gone for ${seconds} seconds`,
    hint: 'start the worker again when the coordinator is there again',
  };
}
