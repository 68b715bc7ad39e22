/**
 * What the supervisor and the coordinator, its child, say to each other over their channel. Both are this very
 * program, so that a message is believed once its type is known; errors travel as data, for classes do not survive
 * the trip.
 */
import type { ProcessIdentity } from '@lockstep/checkpoint';
import { LockstepError, toLockstepError } from '@lockstep/config';
import type { ErrorKind, OptionValues, TrainOptions } from '@lockstep/config';
import type { LastWords } from '../log/tail-lines.js';
import type { RunEvent, RunSummary } from '../train/events.js';
import type { ChosenEngine } from './choose-engine.js';

/** Everything that a coordinator is told about the run it leads. */
export interface Assignment {
  readonly runId: string;
  readonly directory: string;
  /** Whether the run is in the directory already, or may be: a coordinator of this supervisor has died there. */
  readonly begins: 'new' | 'resumed' | 'again';
  readonly values: OptionValues<TrainOptions>;
  readonly engine: ChosenEngine;
  /** The very address of the life before, where workers look for it; null for the one in the options. */
  readonly endpoint: string | null;
  /** The port at which the life before could be looked at, where pages look again; null for the one in the options. */
  readonly metricsPort: number | null;
  /** Local workers that live and may hold the weights. */
  readonly localPeers: readonly string[];
  readonly supervisor: ProcessIdentity;
  /** When the supervisor began, by the clock on the wall. */
  readonly startedAtMs: number;
  /** Whether the view shows who computes what, several times a step. */
  readonly detailed: boolean;
}

/** A local worker that ended by itself, and what is in its log. */
export interface UnaskedEnd extends LastWords {
  readonly name: string;
  readonly pid: number;
  /** For example `ended by SIGKILL`. */
  readonly how: string;
}

/** From the supervisor. */
export type Order =
  | { readonly type: 'lead'; readonly assignment: Assignment }
  /** Finish the step, take a checkpoint, end. */
  | { readonly type: 'stop' }
  | { readonly type: 'worker-started'; readonly peer: string }
  /** The process behind a peer has ended, for certain. */
  | {
      readonly type: 'worker-gone';
      readonly peer: string;
      readonly reason: string;
      /** Null for one that was meant to go. */
      readonly unasked: UnaskedEnd | null;
    }
  /** A local worker will not be started again; `failure` is why, `left` how many there are still. */
  | { readonly type: 'given-up'; readonly failure: PortableError; readonly final: boolean; readonly left: number }
  | { readonly type: 'scaled'; readonly id: number; readonly ok: boolean; readonly text: string }
  /** What the supervisor sees of processes, and has shown. */
  | { readonly type: 'told'; readonly event: RunEvent };

/** From the coordinator. */
export type Notice =
  /** Nothing but that it does not hang. */
  | { readonly type: 'alive' }
  /** The run directory is ready and workers can connect. */
  | {
      readonly type: 'bound';
      readonly endpoint: string;
      readonly metricsPort: number | null;
      readonly term: number;
      readonly workers: number;
      readonly logsFolder: string;
    }
  | { readonly type: 'event'; readonly event: RunEvent }
  /** Workers are told that the run is over: none is started again. */
  | { readonly type: 'ending' }
  | { readonly type: 'ended'; readonly summary: RunSummary }
  | { readonly type: 'failed'; readonly error: PortableError }
  /** A user wants this many local workers. */
  | { readonly type: 'scale'; readonly id: number; readonly workers: number }
  /** A local worker was told to go, by a user or because it is quarantined: nobody takes its place. */
  | { readonly type: 'retire'; readonly peer: string };

/** What the supervisor says to its workers. */
export type WorkerOrder = { readonly type: 'reconnect' };

export interface PortableError {
  readonly kind: ErrorKind;
  readonly what: string;
  readonly hint: string;
  readonly stack: string;
}

const ORDERS: ReadonlySet<unknown> = new Set<Order['type']>([
  'lead',
  'stop',
  'worker-started',
  'worker-gone',
  'given-up',
  'scaled',
  'told',
]);
const NOTICES: ReadonlySet<unknown> = new Set<Notice['type']>([
  'alive',
  'bound',
  'event',
  'ending',
  'ended',
  'failed',
  'scale',
  'retire',
]);

const hasTypeOf = (types: ReadonlySet<unknown>, message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'type' in message && types.has(message.type);

export const isOrder = (message: unknown): message is Order => hasTypeOf(ORDERS, message);
export const isNotice = (message: unknown): message is Notice => hasTypeOf(NOTICES, message);

export function toPortable(thrown: unknown): PortableError {
  const { kind, message, hint, stack, cause } = toLockstepError(thrown);
  const origin = cause instanceof Error ? cause.stack : stack;
  return { kind, what: message, hint, stack: origin ?? '' };
}

export function fromPortable({ kind, what, hint, stack }: PortableError): LockstepError {
  const error = new LockstepError(kind, what, hint);
  error.stack = stack;
  return error;
}
