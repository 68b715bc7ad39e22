/**
 * The gradients that a worker computed and holds, as bytes it does not look into: until the coordinator has room for
 * one and asks for it, or to sum them with other workers, without the coordinator. An exchange that comes to nothing is
 * begun anew from them; the summing itself is the driver's. The update of their step is the end of them.
 */
import { invariant } from '@lockstep/config';
import type { CoordinatorMessage } from '../messages.js';
import type { ComputeResult, WorkerAction, WorkerEvent } from './events.js';
import { breach, compute, say } from './saying.js';
import type { WorkerState } from './state.js';

type Told<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>;
type Happened<T extends WorkerEvent['type']> = Extract<WorkerEvent, { type: T }>;

/** Keeps a gradient and says what it is, instead of shipping it. */
export function hold(
  state: WorkerState,
  out: WorkerAction[],
  result: Extract<ComputeResult, { type: 'gradient' }>,
): WorkerState {
  const { envelope } = state;
  const { payload, held, ...header } = result;
  invariant(envelope !== null && held !== null, 'a gradient is held that was to be shipped');
  // One that was given to others, too, may come when its step is over.
  const isCurrent = result.step === state.step;
  const { shard, attempt } = result;
  const kept = isCurrent ? { ...state, held: new Map(state.held).set(shard, { attempt, payload }) } : state;
  return say(kept, out, { ...envelope, ...header, held });
}

/** Ships a gradient that is held, once: what is sent belongs to the transport. */
export function ship(
  state: WorkerState,
  out: WorkerAction[],
  { step, shard, attempt }: Told<'ship'>,
  nowMs: number,
): WorkerState {
  const { envelope } = state;
  const gradient = state.held.get(shard);
  if (gradient?.attempt !== attempt || envelope === null) {
    const what = `shard ${shard} of step ${step + 1}, attempt ${attempt}, is asked for and not held here`;
    return breach(state, out, what, nowMs);
  }
  const held = new Map(state.held);
  held.delete(shard);
  return say({ ...state, held }, out, { type: 'shipped', ...envelope, step, shard, attempt }, [gradient.payload]);
}

/** Begins an exchange; one that went on is void. */
export function beginExchange(
  state: WorkerState,
  out: WorkerAction[],
  plan: Told<'exchange'>,
  nowMs: number,
): WorkerState {
  const self = plan.members.findIndex(({ endpoint }) => endpoint === state.endpoint);
  const shards = [...plan.holders.keys()].filter((shard) => plan.holders[shard] === self);
  const held = new Map<number, Uint8Array>();
  for (const shard of shards) {
    const gradient = state.held.get(shard);
    if (gradient !== undefined) held.set(shard, gradient.payload);
  }
  if (self < 0 || held.size < shards.length) {
    return breach(state, out, `exchange ${plan.exchange} needs a gradient that this worker does not hold`, nowMs);
  }
  out.push({ type: 'exchange', plan, self, held });
  return { ...state, exchange: { id: plan.exchange, mean: null } };
}

export function onExchanged(state: WorkerState, out: WorkerAction[], event: Happened<'exchanged'>): WorkerState {
  const { envelope, step } = state;
  if (state.exchange?.id !== event.exchange || envelope === null || step === null) return state;
  const done: WorkerState = { ...state, exchange: { id: event.exchange, mean: event.mean } };
  const { exchange, squares } = event;
  return say(done, out, { type: 'exchanged', ...envelope, step, exchange, squares });
}

/** What hinders an exchange is for the coordinator to judge: it knows who lives. */
export function onHindrance(
  state: WorkerState,
  out: WorkerAction[],
  event: Happened<'exchange-broken' | 'exchange-waits'>,
): WorkerState {
  const { envelope, step } = state;
  if (state.exchange?.id !== event.exchange || envelope === null || step === null) return state;
  return say(state, out, { ...event, ...envelope, step });
}

/** Applies the mean that the exchange of this step has left here. */
export function applyExchanged(
  state: WorkerState,
  out: WorkerAction[],
  update: Told<'update'>,
  nowMs: number,
): WorkerState {
  const mean = state.exchange?.id === update.exchange ? state.exchange?.mean : undefined;
  if (mean === undefined || mean === null) {
    return breach(state, out, `the update of step ${update.step + 1} needs exchange ${update.exchange ?? -1}`, nowMs);
  }
  return compute(state, out, { type: 'apply', update, payload: mean });
}
