/**
 * What holds for every message before anybody looks at what it says: it belongs to this run, this life of the
 * coordinator and this conversation, and it is the next one. Anything else is counted by its reason and not applied.
 */
import { LIMITS } from '@lockstep/config';
import type { Stamp, WorkerMessage } from '../messages.js';
import { breakOff, removeWorker } from './departure.js';
import type { CoordinatorAction } from './events.js';
import { reject, sendLast } from './sending.js';
import type { CoordinatorState, WorkerRecord } from './state.js';
import { withWorker } from './state.js';

/** The state with the message counted, or null when it is not to be applied, with the state that follows from that. */
export type Reception =
  | { readonly isNext: true; readonly worker: WorkerRecord; readonly state: CoordinatorState }
  | { readonly isNext: false; readonly state: CoordinatorState };

/** @param message any but `hello`, which begins a conversation */
export function receive(
  state: CoordinatorState,
  out: CoordinatorAction[],
  known: WorkerRecord,
  message: Exclude<WorkerMessage, { type: 'hello' }>,
  stamp: Stamp,
  nowMs: number,
): Reception {
  const { run, term } = state.settings;
  const refused = (next: CoordinatorState): Reception => ({ isNext: false, state: next });
  if (message.run !== run && !(message.type === 'failed' && message.run === null)) {
    reject(out, known, 'other-run', message.type);
    return refused(state);
  }
  if (message.type !== 'failed' && message.term !== term) {
    reject(out, known, 'stale-term', `${message.type} of term ${message.term}, this is ${term}`);
    return refused(state);
  }
  if (stamp.conversation !== known.conversation) {
    reject(out, known, 'stale-conversation', message.type);
    return refused(state);
  }
  if (stamp.sequence < known.received) {
    reject(out, known, 'duplicate', message.type);
    return refused(state);
  }
  if (stamp.sequence > known.received) {
    const detail = `${stamp.sequence - known.received} before ${message.type}`;
    reject(out, known, 'messages-missing', detail);
    return refused(breach(state, out, known, `messages from it are missing (${detail})`, nowMs));
  }
  const worker: WorkerRecord = { ...known, heardAtMs: nowMs, received: known.received + 1 };
  return { isNext: true, worker, state: withWorker(state, worker) };
}

/**
 * The talk with a worker has come apart: it is begun anew, by the worker's next hello, until that has happened too
 * often.
 */
export function breach(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  what: string,
  nowMs: number,
): CoordinatorState {
  const count = (state.breaches.get(worker.peer) ?? 0) + 1;
  const next = { ...state, breaches: new Map(state.breaches).set(worker.peer, count) };
  if (count <= LIMITS.breachesMax) return breakOff(next, out, worker, what, nowMs);
  const detail = `worker ${worker.slot} (pid ${worker.pid} on ${worker.host}): ${what}, ${count} times`;
  sendLast(out, worker, { type: 'stop', run: state.settings.run, reason: 'dropped', detail });
  return removeWorker(next, out, worker.peer, detail);
}
