/** Small helpers with which the machine's parts talk to workers and to the driver. */
import { TEXT_LENGTH_MAX } from '../messages.js';
import type { CoordinatorMessage, Failure, Stamp } from '../messages.js';
import type { CoordinatorAction, Mismatch, PayloadSource, Rejection, Report } from './events.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

const NO_PAYLOAD: PayloadSource = { kind: 'none' };

/** Replaced before the action leaves the machine: members are counted for in one place, `stampActions`. */
const UNSTAMPED: Stamp = { conversation: -1, sequence: -1 };

/** The fields that name run, life and membership on every message. */
export function envelope(state: CoordinatorState): { run: string; term: number; membership: number } {
  return { run: state.settings.run, term: state.settings.term, membership: state.membership };
}

/** To a member. */
export function send(
  out: CoordinatorAction[],
  peer: string,
  message: CoordinatorMessage,
  payload: PayloadSource = NO_PAYLOAD,
): void {
  out.push({ type: 'send', peer, message, stamp: UNSTAMPED, payload });
}

/** To a peer that is no member, or no longer one. */
export function sendStamped(out: CoordinatorAction[], peer: string, message: CoordinatorMessage, stamp: Stamp): void {
  out.push({ type: 'send', peer, message, stamp, payload: NO_PAYLOAD });
}

/** The last word to a member that is about to be removed. */
export function sendLast(out: CoordinatorAction[], worker: WorkerRecord, message: CoordinatorMessage): void {
  const sequence = stampActions(out, worker);
  sendStamped(out, worker.peer, message, { conversation: worker.conversation, sequence });
}

/** Numbers what was said to a member in this turn; returns the number of the next message to it. */
export function stampActions(out: CoordinatorAction[], worker: WorkerRecord): number {
  let sequence = worker.sent;
  out.forEach((action, index) => {
    if (action.type !== 'send' || action.peer !== worker.peer || action.stamp !== UNSTAMPED) return;
    out[index] = { ...action, stamp: { conversation: worker.conversation, sequence } };
    sequence += 1;
  });
  return sequence;
}

export function report(out: CoordinatorAction[], what: Report): void {
  out.push({ type: 'report', report: what });
}

export function reject(
  out: CoordinatorAction[],
  worker: { readonly slot: number } | null,
  reason: Rejection,
  detail: string,
): void {
  report(out, { type: 'rejected', slot: worker?.slot ?? null, reason, detail });
}

/** Ends the run: every worker is told why, then the driver. */
export function end(
  state: CoordinatorState,
  out: CoordinatorAction[],
  result: 'done' | 'stopped' | Failure,
): CoordinatorState {
  const failure = typeof result === 'string' ? null : result;
  const reason = typeof result === 'string' ? result : 'failed';
  for (const peer of state.workers.keys()) {
    const detail = (failure?.what ?? '').slice(0, TEXT_LENGTH_MAX);
    send(out, peer, { type: 'stop', run: state.settings.run, reason, detail });
  }
  const steps = state.step;
  out.push({
    type: 'end',
    outcome: typeof result === 'string' ? { result, steps } : { result: 'failed', steps, failure: result },
  });
  return { ...state, phase: { name: 'ended' } };
}

/** Ends the run because bits differ that should be equal. */
export function endMismatched(
  state: CoordinatorState,
  out: CoordinatorAction[],
  kind: Mismatch,
  failure: Failure,
): CoordinatorState {
  report(out, { type: 'mismatch', kind, what: failure.what });
  return end(state, out, failure);
}
