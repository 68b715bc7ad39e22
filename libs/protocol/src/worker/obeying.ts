/** What a worker does when it is told something, the stamp of which was in order. */
import { LIMITS, invariant } from '@lockstep/config';
import type { CoordinatorMessage, StepRecord } from '../messages.js';
import type { WorkerAction } from './events.js';
import { applyExchanged, beginExchange, ship } from './exchanging.js';
import { breach, compute, finish, forgetExchange, note } from './saying.js';
import { isWelcomed } from './state.js';
import type { WorkerState } from './state.js';

type Told<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>;

/** Twice what may be ahead of the journal: as many again may be on their way to the disk. */
const RECORDS_MAX = LIMITS.unjournalledSteps * 2;

export function obey(
  state: WorkerState,
  out: WorkerAction[],
  message: CoordinatorMessage,
  payload: readonly Uint8Array[],
  nowMs: number,
): WorkerState {
  if (message.type === 'refuse') return finish(state, out, { result: 'failed', failure: message.failure });
  const run = state.envelope?.run ?? state.settings.run;
  if (run !== null && message.run !== run) {
    return note(state, out, `ignored ${message.type} of run ${message.run}, this worker belongs to ${run}`);
  }
  if (message.type === 'stop') return stop(state, out, message);
  if (message.type === 'wait') return hold(state, out, message, nowMs);
  if (state.envelope !== null && message.term < state.envelope.term) {
    const what = `ignored ${message.type} of term ${message.term}, term ${state.envelope.term} has been obeyed`;
    return note(state, out, what);
  }
  if (message.type === 'welcome') return enter(state, out, message);
  if (!isWelcomed(state) || message.term !== state.envelope?.term) {
    return breach(state, out, `${message.type} of term ${message.term} came before its welcome`, nowMs);
  }
  const { membership } = message;
  const heard: WorkerState = { ...state, envelope: { ...state.envelope, membership } };
  if (message.type === 'heartbeat') return heard;
  if (message.type === 'replica') return collect(heard, out, message, payload, nowMs);
  return work(heard, out, message, payload, nowMs);
}

function enter(state: WorkerState, out: WorkerAction[], message: Told<'welcome'>): WorkerState {
  const { run, term, membership, incarnation } = message;
  // A life never takes the term of another one: one of the two is not what it says.
  if (term === state.envelope?.term && incarnation !== state.incarnation) {
    return note(state, out, `ignored the welcome of another coordinator that says it is term ${term}, too`);
  }
  out.push({ type: 'note', what: `joined run ${run} as worker ${message.slot}` });
  const envelope = { run, term, membership };
  const entered: WorkerState = { ...state, phase: 'preparing', envelope, incarnation, aloneSinceMs: null };
  return compute(entered, out, { type: 'prepare', config: message.config, mesh: message.mesh });
}

function hold(state: WorkerState, out: WorkerAction[], message: Told<'wait'>, nowMs: number): WorkerState {
  out.push({ type: 'note', what: `told to wait for ${message.seconds} seconds: ${message.detail}` });
  return { ...state, phase: 'held', againAtMs: nowMs + message.seconds * 1000, aloneSinceMs: null };
}

function collect(
  state: WorkerState,
  out: WorkerAction[],
  message: Told<'replica'>,
  payload: readonly Uint8Array[],
  nowMs: number,
): WorkerState {
  const [bytes] = payload;
  invariant(bytes !== undefined, 'a part of a replica without its bytes');
  const { step, part, parts, optimizerSteps, slots } = message;
  const begun = part === 0 ? { about: message, parts: [] } : state.arriving;
  if (state.phase === 'preparing' || begun?.parts.length !== part || part >= parts || !isSame(begun.about, message)) {
    return breach(state, out, `part ${part} of ${parts} of the replica at step ${step} came out of order`, nowMs);
  }
  const come = [...begun.parts, bytes];
  if (come.length < parts) return { ...state, arriving: { about: begun.about, parts: come } };
  // What this process applied itself says nothing of how this replica came about.
  const replaced: WorkerState = { ...forgetExchange(state, out), step, arriving: null, records: [] };
  return compute(replaced, out, { type: 'load', step, optimizerSteps, slots, payload: come });
}

function isSame(left: Told<'replica'>, right: Told<'replica'>): boolean {
  return (
    left.step === right.step &&
    left.digest === right.digest &&
    left.parts === right.parts &&
    left.optimizerSteps === right.optimizerSteps &&
    left.slots.join() === right.slots.join()
  );
}

function work(
  state: WorkerState,
  out: WorkerAction[],
  message: Told<'assign' | 'ship' | 'exchange' | 'update' | 'snapshot-request' | 'evaluate' | 'sample'>,
  payload: readonly Uint8Array[],
  nowMs: number,
): WorkerState {
  if (state.phase === 'preparing' || state.step === null || state.arriving !== null) {
    return breach(state, out, `${message.type} came before this worker had a replica`, nowMs);
  }
  if ('step' in message && message.step !== state.step) {
    const what = `${message.type} for step ${message.step} reached a replica at step ${state.step}`;
    return breach(state, out, what, nowMs);
  }
  // Work is what says that a replica held from before is the right one.
  const synced: WorkerState = { ...state, phase: 'synced' };
  const [first] = payload;
  switch (message.type) {
    case 'assign':
      invariant(first !== undefined, 'an assignment without its windows');
      return compute(synced, out, { type: 'gradient', assign: message, payload: first });
    case 'ship':
      return ship(synced, out, message, nowMs);
    case 'exchange':
      return beginExchange(synced, out, message, nowMs);
    case 'update':
      return update(synced, out, message, first, nowMs);
    case 'snapshot-request':
      return compute(synced, out, { type: 'snapshot', step: message.step });
    case 'evaluate':
      invariant(first !== undefined, 'an evaluation without its windows');
      return compute(synced, out, { type: 'evaluate', evaluate: message, payload: first });
    case 'sample':
      return compute(synced, out, { type: 'sample', sample: message });
  }
}

/** Puts the update into the queue of the compute side, and forgets what its step has left. */
function update(
  state: WorkerState,
  out: WorkerAction[],
  message: Told<'update'>,
  gradient: Uint8Array | undefined,
  nowMs: number,
): WorkerState {
  const applying =
    gradient === undefined
      ? applyExchanged(state, out, message, nowMs)
      : compute(state, out, { type: 'apply', update: message, payload: gradient });
  if (applying.phase !== 'synced') return applying;
  const records = remember(state.records, message.record, message.journalled);
  return { ...forgetExchange(applying, out), step: message.step + 1, records };
}

function remember(records: readonly StepRecord[], record: StepRecord, journalled: number): readonly StepRecord[] {
  return [...records, record].filter(({ step }) => step >= journalled).slice(-RECORDS_MAX);
}

function stop(state: WorkerState, out: WorkerAction[], { reason, detail }: Told<'stop'>): WorkerState {
  const retry = (what: string): WorkerState => {
    const failure = { kind: 'retry', what: `${what}: ${detail}`, hint: 'see the coordinator' } as const;
    return finish(state, out, { result: 'failed', failure });
  };
  switch (reason) {
    case 'done':
    case 'stopped':
      return finish(state, out, { result: reason });
    case 'drained':
      return finish(state, out, { result: 'left' });
    case 'failed':
      return retry('the run has failed');
    case 'dropped':
      return retry('the coordinator has given this worker up');
    case 'quarantined':
      return retry('the coordinator admits this worker no more');
  }
}
