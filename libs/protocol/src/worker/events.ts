/** What a worker's machine is told, and what it asks its driver to do. */
import type { CoordinatorMessage, Failure, Stamp, WorkerMessage } from '../messages.js';

/** What the compute side answers, in the order in which it was asked. */
export type ComputeResult =
  | {
      readonly type: 'prepared';
      readonly fingerprint: string;
      readonly layoutDigest: string;
      readonly computeClass: string;
      readonly engine: string;
      readonly device: string;
      /** What the compute side holds after everything it was asked before: steps applied and digest of the weights. */
      readonly replica: { readonly step: number; readonly digest: string } | null;
    }
  | { readonly type: 'loaded'; readonly step: number; readonly digest: string }
  | {
      readonly type: 'gradient';
      readonly step: number;
      readonly shard: number;
      readonly attempt: number;
      readonly lossSum: number;
      readonly characters: number;
      readonly computeMs: number;
      readonly weightsDigest: string | null;
      /** Of a gradient that is to be held; null when it is to be shipped at once. */
      readonly held: { readonly digest: string; readonly finite: boolean } | null;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'applied'; readonly step: number; readonly digest: string | null }
  | {
      readonly type: 'snapshot';
      readonly step: number;
      readonly optimizerSteps: number;
      readonly slots: readonly string[];
      readonly digest: string;
      /** Weights, then the optimizer's slots in order, without gaps. */
      readonly payload: Uint8Array;
    }
  | {
      readonly type: 'evaluated';
      readonly evaluation: number;
      readonly index: number;
      readonly lossSum: number;
      readonly characters: number;
    }
  | { readonly type: 'sampled'; readonly payload: Uint8Array };

export type WorkerEvent =
  | { readonly type: 'connected' }
  /** The connection is lost with all that was under way; another is being made. */
  | { readonly type: 'disconnected'; readonly reason: string }
  | {
      readonly type: 'message';
      readonly message: CoordinatorMessage;
      readonly stamp: Stamp;
      readonly payload: readonly Uint8Array[];
    }
  /** Something arrived that is no message, or of another version. */
  | { readonly type: 'unreadable'; readonly problem: 'version' | 'damaged'; readonly what: string }
  /** @param conversation that of the task, as given with the `compute` action */
  | { readonly type: 'computed'; readonly conversation: number; readonly result: ComputeResult }
  | { readonly type: 'compute-failed'; readonly failure: Failure; readonly stack: string }
  /** Where other workers reach this one; null when they cannot. */
  | { readonly type: 'listening'; readonly endpoint: string | null; readonly sharing: string | null }
  /** The mean gradient is complete. */
  | {
      readonly type: 'exchanged';
      readonly exchange: number;
      readonly squares: readonly number[];
      readonly mean: Uint8Array;
    }
  | { readonly type: 'exchange-broken'; readonly exchange: number; readonly peer: string; readonly reason: string }
  | { readonly type: 'exchange-waits'; readonly exchange: number; readonly missing: readonly string[] }
  /** SIGTERM, or whoever started the worker wants it back. */
  | { readonly type: 'leave-requested' }
  | { readonly type: 'tick' };

type Asked<T extends CoordinatorMessage['type']> = Extract<CoordinatorMessage, { type: T }>;

/** Work for the compute side; done strictly in the order given. */
export type ComputeTask =
  | { readonly type: 'prepare'; readonly config: unknown; readonly mesh: boolean }
  | {
      readonly type: 'load';
      readonly step: number;
      readonly optimizerSteps: number;
      readonly slots: readonly string[];
      /** The replica in parts, in order: weights, then slots. */
      readonly payload: readonly Uint8Array[];
    }
  | { readonly type: 'gradient'; readonly assign: Asked<'assign'>; readonly payload: Uint8Array }
  | { readonly type: 'apply'; readonly update: Asked<'update'>; readonly payload: Uint8Array }
  | { readonly type: 'snapshot'; readonly step: number }
  | { readonly type: 'evaluate'; readonly evaluate: Asked<'evaluate'>; readonly payload: Uint8Array }
  | { readonly type: 'sample'; readonly sample: Asked<'sample'> };

export type WorkerOutcome =
  { readonly result: 'done' | 'stopped' | 'left' } | { readonly result: 'failed'; readonly failure: Failure };

export type WorkerAction =
  | {
      readonly type: 'send';
      readonly message: WorkerMessage;
      readonly stamp: Stamp;
      readonly payload: readonly Uint8Array[];
    }
  | { readonly type: 'compute'; readonly conversation: number; readonly task: ComputeTask }
  /** Sum these gradients with those of the others, as the member at place `self`; an exchange that goes on is void. */
  | {
      readonly type: 'exchange';
      readonly plan: Asked<'exchange'>;
      readonly self: number;
      readonly held: ReadonlyMap<number, Uint8Array>;
    }
  /** The last exchange is over, or void: nothing of it will be asked for. */
  | { readonly type: 'exchange-over' }
  /** Break the connection off and make another one: what comes over this one cannot be trusted. */
  | { readonly type: 'reconnect'; readonly reason: string }
  | { readonly type: 'note'; readonly what: string }
  | { readonly type: 'end'; readonly outcome: WorkerOutcome };
