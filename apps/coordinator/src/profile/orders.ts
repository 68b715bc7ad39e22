/**
 * Which answer of a worker belongs to which order of the coordinator, and where between the two the work lay. The
 * clocks of two hosts are never compared: the coordinator's tells when the order went and when the answer came, the
 * worker says how long it waited and worked, and the rest was spent on the way.
 */
import type { CoordinatorMessage, Times, WorkerMessage } from '@lockstep/protocol';

export interface Order {
  readonly message: CoordinatorMessage;
  readonly sentMs: number;
  bytes: number;
}

/** A key that an order and its answer share; null for messages that are neither. */
export function keyOf(message: CoordinatorMessage | WorkerMessage): string | null {
  switch (message.type) {
    case 'assign':
    case 'gradient':
      return `gradient ${message.step} ${message.shard} ${message.attempt}`;
    case 'ship':
    case 'shipped':
      return `ship ${message.step} ${message.shard} ${message.attempt}`;
    case 'update':
    case 'applied':
      return `update ${message.step}`;
    case 'exchange':
    case 'exchanged':
      return `exchange ${message.exchange}`;
    case 'evaluate':
    case 'evaluated':
      return `evaluation ${message.evaluation} ${message.index}`;
    case 'sample':
    case 'sampled':
      return 'sample';
    case 'snapshot-request':
    case 'snapshot':
      return `snapshot ${message.step}`;
    case 'replica':
    case 'synced':
      return `replica ${message.step}`;
    default:
      return null;
  }
}

export interface Placed {
  /** When the order reached the worker. */
  readonly reachedMs: number;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** A message of this many bytes on top stands for the way itself, which even an empty one takes. */
const LATENCY_BYTES = 65_536;

/**
 * Where in the coordinator's time a worker's work lay. The time on the way is divided between order and answer by their
 * bytes; the order was not there before the one sent before it.
 * @param reachedMs when the order before it reached the worker
 * @param freeMs end of the work before it; 0 for what is done beside other work
 */
export function place(
  order: Order,
  answer: { readonly times: Times; readonly bytes: number; readonly atMs: number },
  { reachedMs: before, freeMs }: { readonly reachedMs: number; readonly freeMs: number },
): Placed {
  const { waitedMs, workedMs } = answer.times;
  const sinceMs = Math.max(order.sentMs, before);
  const onTheWayMs = Math.max(0, answer.atMs - sinceMs - waitedMs - workedMs);
  const share = (order.bytes + LATENCY_BYTES) / (order.bytes + answer.bytes + 2 * LATENCY_BYTES);
  const reachedMs = Math.min(answer.atMs, sinceMs + onTheWayMs * share);
  const beganMs = Math.min(answer.atMs, Math.max(freeMs, reachedMs + waitedMs));
  return { reachedMs, beganMs, endedMs: Math.min(answer.atMs, beganMs + workedMs) };
}
