/**
 * Where the time of each step went, and who the others waited for. The time of a step is told as the worker lived it
 * that was done last, for nothing that the others did could have made the step longer.
 */
import type { CoordinatorMessage, WorkerMessage } from '@lockstep/protocol';
import type { Moment } from '@lockstep/runtime';
import { keyOf, place } from '../profile/orders.js';
import type { Order } from '../profile/orders.js';
import { partition } from './partition.js';
import type { Phase, Segment } from './partition.js';

export interface StepAccount {
  /** From 0. */
  readonly step: number;
  readonly durationMs: number;
  /** When its update went out. */
  readonly endedMs: number;
  readonly phasesMs: Readonly<Record<Phase, number>>;
  /** The worker that all others waited for, and how long; null where there was one only. */
  readonly blame: { readonly worker: number; readonly waitMs: number } | null;
}

interface Known {
  readonly slot: number;
  readonly orders: Map<string, Order>;
  readonly segments: Segment[];
  reachedMs: number;
  freeMs: number;
  /** When its last gradient of the step came. */
  gaveMs: number | null;
  /** When its last word came without which the step could not go on. */
  doneMs: number | null;
}

/** A worker that is sent more than it answers is about to be given up. */
const ORDERS_MAX = 4_096;

export class StepAccountant {
  readonly #known = new Map<string, Known>();
  #running: { readonly step: number; readonly beganMs: number } | undefined;
  readonly #own: Segment[] = [];

  /** Slot of a peer that was welcomed. */
  slotOf(peer: string): number | undefined {
    return this.#known.get(peer)?.slot;
  }

  /** @returns the account of a step when its update is sent for the first time; otherwise null */
  take(moment: Moment): StepAccount | null {
    switch (moment.type) {
      case 'sent':
        return this.#sent(moment);
      case 'received':
        this.#received(moment);
        return null;
      case 'step-begun':
        this.#running = { step: moment.step, beganMs: moment.atMs };
        this.#own.length = 0;
        for (const known of this.#known.values()) forget(known);
        return null;
      case 'collected':
      case 'reduced':
        this.#own.push({ phase: 'reduce', fromMs: moment.beganMs, toMs: moment.endedMs });
        return null;
      default:
        return null;
    }
  }

  /** The step that goes on has come to nothing. */
  abandon(): void {
    this.#running = undefined;
  }

  /** A worker has gone, with all that it was asked. */
  forget(slot: number): void {
    for (const [peer, known] of this.#known) if (known.slot === slot) this.#known.delete(peer);
  }

  #sent({ peer, message, bytes, beganMs, endedMs }: Extract<Moment, { type: 'sent' }>): StepAccount | null {
    if (message.type === 'welcome') this.#welcome(peer, message.slot);
    const account = message.type === 'update' ? this.#conclude(message.step, beganMs) : null;
    const known = this.#known.get(peer);
    const key = keyOf(message);
    if (known === undefined || key === null) return account;
    known.orders.set(key, { message, sentMs: endedMs, bytes });
    const [oldest] = known.orders.keys();
    if (oldest !== undefined && known.orders.size > ORDERS_MAX) known.orders.delete(oldest);
    if (message.type === 'assign') this.#own.push({ phase: 'data', fromMs: beganMs, toMs: endedMs });
    return account;
  }

  #welcome(peer: string, slot: number): void {
    this.forget(slot);
    const empty = { orders: new Map<string, Order>(), segments: [], reachedMs: 0, freeMs: 0 };
    this.#known.set(peer, { slot, ...empty, gaveMs: null, doneMs: null });
  }

  #received({ peer, message, times, bytes, atMs }: Extract<Moment, { type: 'received' }>): void {
    const known = this.#known.get(peer);
    const key = keyOf(message);
    const order = key === null ? undefined : known?.orders.get(key);
    if (known === undefined || key === null || order === undefined || times === undefined) return;
    if (message.type === 'snapshot' && message.part > 0) return;
    known.orders.delete(key);
    const isEngine = message.type !== 'exchanged' && message.type !== 'shipped';
    const before = { reachedMs: known.reachedMs, freeMs: isEngine ? known.freeMs : 0 };
    const placed = place(order, { times, bytes, atMs }, before);
    known.reachedMs = placed.reachedMs;
    if (isEngine) known.freeMs = placed.endedMs;
    const { beganMs, endedMs } = placed;
    known.segments.push(
      { phase: wayOf(order.message), fromMs: order.sentMs, toMs: placed.reachedMs },
      { phase: workOf(message), fromMs: beganMs, toMs: endedMs },
      { phase: 'transfer', fromMs: endedMs, toMs: atMs },
    );
    const isOfStep = 'step' in message && message.step === this.#running?.step;
    if (!isOfStep) return;
    if (message.type === 'gradient') known.gaveMs = atMs;
    if (message.type === 'gradient' || message.type === 'shipped' || message.type === 'exchanged') known.doneMs = atMs;
  }

  #conclude(step: number, endedMs: number): StepAccount | null {
    const running = this.#running;
    if (running?.step !== step) return null;
    this.#running = undefined;
    const { beganMs } = running;
    const done = [...this.#known.values()].sort((a, b) => (b.doneMs ?? -1) - (a.doneMs ?? -1));
    const phasesMs = partition(beganMs, endedMs, [...this.#own, ...(done[0]?.segments ?? [])]);
    return { step, durationMs: endedMs - beganMs, endedMs, phasesMs, blame: this.#blame() };
  }

  #blame(): StepAccount['blame'] {
    const gave = [...this.#known.values()].filter(({ gaveMs }) => gaveMs !== null);
    const [last, other] = gave.sort((a, b) => (b.gaveMs ?? 0) - (a.gaveMs ?? 0));
    if (last === undefined || other === undefined) return null;
    return { worker: last.slot, waitMs: (last.gaveMs ?? 0) - (other.gaveMs ?? 0) };
  }
}

function forget(known: Known): void {
  known.segments.length = 0;
  known.gaveMs = known.doneMs = null;
}

/** How the way of an order counts: what carries vectors is transfer. */
function wayOf(message: CoordinatorMessage): Segment['phase'] {
  return message.type === 'update' || message.type === 'replica' ? 'transfer' : 'dispatch';
}

function workOf(message: WorkerMessage): Segment['phase'] {
  switch (message.type) {
    case 'applied':
    case 'synced':
      return 'apply';
    case 'exchanged':
      return 'reduce';
    case 'snapshot':
      return 'checkpoint';
    case 'shipped':
      return 'transfer';
    default:
      return 'compute';
  }
}
