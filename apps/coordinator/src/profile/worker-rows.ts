/** The rows of one worker: orders go in, answers come, spans go out. */
import type { CoordinatorMessage, WorkerMessage } from '@lockstep/protocol';
import type { Moment } from '@lockstep/runtime';
import { keyOf, place } from './orders.js';
import type { Order, Placed } from './orders.js';
import { declareProcess, span } from './trace-event.js';
import type { Arguments, Phase, Row, TraceEvent } from './trace-event.js';

type Sent = Extract<Moment, { type: 'sent' }>;
type Received = Extract<Moment, { type: 'received' }>;
type Ordered<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>;

const ROWS = ['data', 'dispatch', 'engine', 'transfer in', 'transfer out', 'reduce'] as const;
type RowName = (typeof ROWS)[number];
type Draw = (row: RowName, name: string, phase: Phase, fromMs: number, toMs: number, args: Arguments) => void;

/** A worker that is sent more than it answers is about to be given up. */
const ORDERS_MAX = 4_096;

export class WorkerRows {
  readonly #rows: Readonly<Record<RowName, Row>>;
  readonly #emit: (event: TraceEvent) => void;
  readonly #orders = new Map<string, Order>();
  /** When the last order that was answered had reached the worker, and when the engine was done with its last work. */
  #reachedMs = 0;
  #freeMs = 0;
  /** Of the snapshot that is coming in parts. */
  #snapshot = { sinceMs: 0, bytes: 0 };

  constructor(process: Parameters<typeof declareProcess>[0], emit: (event: TraceEvent) => void) {
    const { rows, events } = declareProcess(process, ROWS);
    this.#rows = rows;
    this.#emit = emit;
    for (const event of events) emit(event);
  }

  /** A row of this worker, for markers. */
  get row(): Row {
    return this.#rows.engine;
  }

  /** A connection has begun: what was ordered before will not be answered. */
  begin(): void {
    this.#orders.clear();
  }

  sent({ message, bytes, beganMs, endedMs }: Sent): void {
    const key = keyOf(message);
    if (key === null) return;
    const order = message.type === 'replica' && message.part > 0 ? this.#orders.get(key) : undefined;
    if (order !== undefined) {
      order.bytes += bytes;
      return;
    }
    this.#orders.set(key, { message, sentMs: endedMs, bytes });
    const [oldest] = this.#orders.keys();
    if (oldest !== undefined && this.#orders.size > ORDERS_MAX) this.#orders.delete(oldest);
    if (message.type === 'assign' || message.type === 'evaluate') {
      this.#draw('data', 'data', 'data', beganMs, endedMs, { ...aboutOrder(message), bytes });
    }
  }

  received({ message, times, bytes, atMs }: Received): void {
    const key = keyOf(message);
    const order = key === null ? undefined : this.#orders.get(key);
    if (key === null || order === undefined || times === undefined) return;
    const isPart = message.type === 'snapshot' && message.part > 0;
    if (!isPart) {
      const isEngine = message.type !== 'exchanged' && message.type !== 'shipped';
      const freeMs = isEngine ? this.#freeMs : 0;
      const placed = place(order, { times, bytes, atMs }, { reachedMs: this.#reachedMs, freeMs });
      this.#reachedMs = placed.reachedMs;
      if (isEngine) this.#freeMs = placed.endedMs;
      drawAnswer(this.#draw, order, message, placed, { bytes, atMs });
      this.#snapshot = { sinceMs: placed.endedMs, bytes: 0 };
    }
    this.#snapshot.bytes += bytes;
    if (message.type === 'snapshot') {
      if (message.part + 1 < message.parts) return;
      const args = { what: 'snapshot', step: message.step, bytes: this.#snapshot.bytes };
      this.#draw('transfer out', 'transfer', 'transfer', this.#snapshot.sinceMs, atMs, args);
    }
    this.#orders.delete(key);
  }

  /** The coordinator added a gradient of this worker to the sum. */
  collected({ step, shard, bytes, beganMs, endedMs }: Extract<Moment, { type: 'collected' }>): void {
    this.#draw('reduce', 'reduce', 'reduce', beganMs, endedMs, { step: step + 1, shard, bytes, where: 'coordinator' });
  }

  readonly #draw: Draw = (row, name, phase, beganMs, endedMs, args) => {
    this.#emit(span(this.#rows[row], { name, phase, beganMs, endedMs }, args));
  };
}

function aboutOrder(message: Ordered<'assign' | 'evaluate'>): Arguments {
  return message.type === 'assign'
    ? { step: message.step + 1, shard: message.shard, attempt: message.attempt, rows: message.rows }
    : { batch: message.index, rows: message.rows };
}

/** The way of the order, the work, and the way of the answer, as far as each is worth a span. */
function drawAnswer(
  draw: Draw,
  { message: asked, bytes: askedBytes, sentMs }: Order,
  answer: WorkerMessage,
  { reachedMs, beganMs, endedMs }: Placed,
  { bytes, atMs }: { readonly bytes: number; readonly atMs: number },
): void {
  const transferIn = (what: string, args: Arguments): void => {
    draw('transfer in', 'transfer', 'transfer', sentMs, reachedMs, { what, ...args, bytes: askedBytes });
  };
  if (answer.type === 'gradient' && asked.type === 'assign') {
    const { step, shard, attempt, lossSum, characters } = answer;
    const modelMs = Math.round(answer.computeMs * 1000) / 1000;
    const about = { step: step + 1, shard, attempt };
    draw('dispatch', 'dispatch', 'dispatch', sentMs, reachedMs, { ...about, bytes: askedBytes });
    const loss = Number.isFinite(lossSum) ? lossSum / characters : null;
    draw('engine', 'compute', 'compute', beganMs, endedMs, { ...about, loss, characters, modelMs });
    const what = answer.held === null ? 'gradient' : 'digest of a gradient that is held';
    draw('transfer out', 'transfer', 'transfer', endedMs, atMs, { what, ...about, bytes });
  } else if (answer.type === 'shipped') {
    const { step, shard, attempt } = answer;
    draw('transfer out', 'transfer', 'transfer', endedMs, atMs, {
      ...{ what: 'gradient that was held', step: step + 1, shard, attempt, bytes },
    });
  } else if (answer.type === 'exchanged' && asked.type === 'exchange') {
    const { members, length, holders } = asked;
    const sizes = { members: members.length, shards: holders.length, values: length };
    draw('reduce', 'exchange', 'reduce', beganMs, endedMs, { step: asked.step + 1, ...sizes, where: 'workers' });
  } else if (answer.type === 'applied' && asked.type === 'update') {
    const step = answer.step + 1;
    transferIn(asked.exchange === null ? 'mean gradient' : 'order to apply the mean', { step });
    draw('engine', 'apply', 'apply', beganMs, endedMs, { step });
  } else if (answer.type === 'synced') {
    transferIn('replica', { step: answer.step });
    draw('engine', 'load', 'apply', beganMs, endedMs, { step: answer.step });
  } else if (answer.type === 'snapshot') {
    draw('engine', 'checkpoint', 'checkpoint', beganMs, endedMs, { what: 'snapshot', step: answer.step });
  } else if (answer.type === 'evaluated' && asked.type === 'evaluate') {
    draw('dispatch', 'dispatch', 'dispatch', sentMs, reachedMs, { ...aboutOrder(asked), bytes: askedBytes });
    const { index: batch, lossSum, characters } = answer;
    draw('engine', 'evaluation', 'evaluation', beganMs, endedMs, { batch, loss: lossSum / characters, characters });
  } else if (answer.type === 'sampled' && asked.type === 'sample') {
    draw('engine', 'sample', 'sample', beganMs, endedMs, { length: asked.length });
  }
}
