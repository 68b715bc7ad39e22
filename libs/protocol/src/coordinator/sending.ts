/** Small helpers with which the machine's parts talk to workers and to the driver. */
import { TEXT_LENGTH_MAX } from '../messages.js';
import type { CoordinatorMessage, Failure } from '../messages.js';
import type { CoordinatorAction, PayloadSource, Report } from './events.js';
import type { CoordinatorState } from './state.js';

const NO_PAYLOAD: PayloadSource = { kind: 'none' };

/** The fields that name run, life and membership on every message. */
export function envelope(state: CoordinatorState): { run: string; term: number; membership: number } {
  return { run: state.settings.run, term: state.settings.term, membership: state.membership };
}

export function send(
  out: CoordinatorAction[],
  peer: string,
  message: CoordinatorMessage,
  payload: PayloadSource = NO_PAYLOAD,
): void {
  out.push({ type: 'send', peer, message, payload });
}

export function report(out: CoordinatorAction[], what: Report): void {
  out.push({ type: 'report', report: what });
}

/** Turns a peer away with the reason; what it still sends is not from a member and counts as rejected. */
export function refuse(out: CoordinatorAction[], peer: string, failure: Failure): void {
  send(out, peer, { type: 'refuse', failure });
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
