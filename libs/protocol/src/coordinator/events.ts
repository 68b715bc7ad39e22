/** What the coordinator's machine is told, and what it asks its driver to do. */
import type { Activity, CoordinatorMessage, Failure, Stamp, WorkerMessage } from '../messages.js';
import type { JournalledStep, Plan, ReplicaAbout } from './settings.js';
import type { WorkerStatus } from './state.js';

/** What a user may ask of a run that goes on. */
export type Command =
  /** Let a worker finish what it has and go. */
  | { readonly type: 'drain'; readonly slot: number }
  /** Cut the batch into this many shards from the next step boundary on. */
  | { readonly type: 'reshard'; readonly shards: number };

export type CoordinatorEvent =
  | {
      readonly type: 'message';
      readonly peer: string;
      readonly message: WorkerMessage;
      readonly stamp: Stamp;
      readonly payload: readonly Uint8Array[];
      readonly payloadDigests: readonly string[];
      /** Of a gradient that was shipped: whether all its values are finite. */
      readonly finite: boolean;
    }
  /** A peer sent something that is no message, is damaged, of another version, or a payload of the wrong size. */
  | {
      readonly type: 'unreadable';
      readonly peer: string;
      readonly problem: 'version' | 'damaged';
      readonly what: string;
    }
  /** The connection of a peer is gone; `certain` when its process is known to have ended. */
  | { readonly type: 'gone'; readonly peer: string; readonly reason: string; readonly certain: boolean }
  /** The gradient of the current step is summed, divided and clipped. */
  | { readonly type: 'reduced'; readonly step: number; readonly norm: number; readonly finite: boolean }
  /** The line of this step is on the disk. */
  | { readonly type: 'journalled'; readonly step: number }
  | { readonly type: 'plan-journalled'; readonly plan: Plan }
  /** A checkpoint of this many steps is on the disk. */
  | { readonly type: 'saved'; readonly step: number }
  /** The checkpoint asked for is loaded, and held by the driver as the replica. */
  | { readonly type: 'restored'; readonly replica: ReplicaAbout; readonly history: readonly JournalledStep[] }
  | { readonly type: 'command'; readonly id: number; readonly command: Command }
  | { readonly type: 'stop-requested' }
  /** The run cannot go on for a reason outside the machine. */
  | { readonly type: 'abandoned'; readonly failure: Failure }
  /** Comes several times a second; everything that depends on time hangs on it. */
  | { readonly type: 'tick' };

/** Which bytes go with a message; the driver knows how to make them. */
export type PayloadSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'windows'; readonly step: number; readonly rowStart: number; readonly rowEnd: number }
  | { readonly kind: 'evaluation'; readonly index: number }
  | { readonly kind: 'gradient' }
  /** A part of the replica that the driver holds. */
  | { readonly kind: 'replica'; readonly part: number };

/** Why a message was not applied; a label of a metric. */
export const REJECTIONS = [
  'duplicate',
  'messages-missing',
  'stale-conversation',
  'stale-term',
  'other-run',
  'not-a-member',
  'damaged',
  'other-version',
  'other-step',
  'late',
  'not-asked-for',
  'wrong-size',
  'other-weights',
  'exchange-broken',
  'not-finite',
] as const;
export type Rejection = (typeof REJECTIONS)[number];

/** What should have been equal; a label of metrics. */
export const MISMATCHES = ['replica', 'replay', 'audit'] as const;
export type Mismatch = (typeof MISMATCHES)[number];

/** Who is gone, and what it said last; both empty for one that said nothing. */
export interface LostWorker {
  readonly peer: string;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  /** What it failed with, in its own words; null for one that did not say. */
  readonly said: string | null;
  readonly stack: string;
  /** The last lines of its log. */
  readonly log: readonly string[];
}

export type Report =
  | {
      readonly type: 'worker';
      readonly slot: number;
      readonly status: WorkerStatus | 'left';
      readonly detail: string;
    }
  | {
      readonly type: 'worker';
      readonly slot: number;
      readonly status: 'gone';
      readonly detail: string;
      readonly lost: LostWorker;
    }
  | { readonly type: 'assigned'; readonly step: number; readonly shards: ReadonlyMap<number, readonly number[]> }
  | {
      readonly type: 'answered';
      readonly step: number;
      readonly slot: number;
      readonly shard: number;
      readonly computeMs: number;
    }
  /** A worker takes much longer than the others; its shards are given to others as well. */
  | {
      readonly type: 'late';
      readonly slot: number;
      readonly name: string;
      readonly host: string;
      readonly step: number;
      /** What it last said it was doing; `silent` when its heartbeats have stopped, too. */
      readonly activity: Activity | 'silent';
      readonly waitedMs: number;
      /** The same in units of the median time of a shard. */
      readonly medians: number;
    }
  /** The run went on after nobody seemed to hold the weights, or after a restart of the coordinator. */
  | {
      readonly type: 'recovered';
      readonly from: 'replicas' | 'checkpoint';
      readonly step: number;
      /** Steps up to here were journalled before and are compared as they are computed again. */
      readonly replayUntil: number;
    }
  /** How gradients are summed from the step on that begins now. */
  | { readonly type: 'topology'; readonly topology: 'star' | 'mesh'; readonly why: string }
  | { readonly type: 'plan'; readonly fromStep: number; readonly shards: number }
  | { readonly type: 'quarantined'; readonly peer: string; readonly name: string; readonly detail: string }
  | { readonly type: 'validation'; readonly step: number; readonly loss: number; readonly characters: number }
  /** Written with the weights after so many steps. */
  | { readonly type: 'sample'; readonly step: number; readonly payload: Uint8Array }
  /** A message that was not applied, and why. */
  | {
      readonly type: 'rejected';
      readonly slot: number | null;
      readonly reason: Rejection;
      readonly detail: string;
    }
  /**
   * Bits differ that should be equal: the weights of replicas, a step that is computed again and its line in the
   * journal, or the answers of two workers to one shard.
   */
  | { readonly type: 'mismatch'; readonly kind: Mismatch; readonly what: string }
  | { readonly type: 'warning'; readonly what: string };

export interface CommittedStep {
  /** From 0. */
  readonly step: number;
  readonly term: number;
  readonly loss: number;
  readonly characters: number;
  readonly gradientNorm: number;
  readonly seconds: number;
  readonly shardDigests: readonly string[];
  readonly weightsDigest: string | null;
}

export type CoordinatorOutcome =
  | { readonly result: 'done' | 'stopped'; readonly steps: number }
  | { readonly result: 'failed'; readonly steps: number; readonly failure: Failure };

export type CoordinatorAction =
  | {
      readonly type: 'send';
      readonly peer: string;
      readonly message: CoordinatorMessage;
      readonly stamp: Stamp;
      readonly payload: PayloadSource;
    }
  /** Gradients of this step will be collected; whatever was collected before is void. */
  | { readonly type: 'begin-step'; readonly step: number; readonly shards: number }
  | { readonly type: 'collect'; readonly step: number; readonly shard: number; readonly payload: Uint8Array }
  | { readonly type: 'reduce'; readonly step: number; readonly characters: number }
  /** Keep this replica, in parts, for joiners. */
  | { readonly type: 'hold-replica'; readonly replica: ReplicaParts }
  | { readonly type: 'release-replica' }
  | { readonly type: 'checkpoint'; readonly replica: ReplicaParts }
  /** Load the newest sound checkpoint, and hold it as the replica; answered by `restored`. */
  | { readonly type: 'restore' }
  /** Write the line of this step; answered by `journalled`. */
  | { readonly type: 'commit'; readonly committed: CommittedStep }
  /** Write the line of this plan; answered by `plan-journalled`. */
  | { readonly type: 'journal-plan'; readonly plan: Plan }
  /** Forget a peer that is gone, and what is queued for it; it may connect again. */
  | { readonly type: 'drop'; readonly peer: string }
  | { readonly type: 'reply'; readonly id: number; readonly ok: boolean; readonly text: string }
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'end'; readonly outcome: CoordinatorOutcome };

export interface ReplicaParts extends ReplicaAbout {
  /** Weights, then one vector for each slot, cut into parts. */
  readonly parts: readonly Uint8Array[];
}
