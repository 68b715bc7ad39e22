/** What the coordinator's machine is told, and what it asks its driver to do. */
import type { CoordinatorMessage, Failure, WorkerMessage } from '../messages.js';
import type { WorkerStatus } from './state.js';

export type CoordinatorEvent =
  | {
      readonly type: 'message';
      readonly peer: string;
      readonly message: WorkerMessage;
      readonly payload: readonly Uint8Array[];
    }
  /** A peer sent something that is no message, or a payload of the wrong size. */
  | { readonly type: 'malformed'; readonly peer: string; readonly what: string }
  /** The connection or the process of a peer is gone. */
  | { readonly type: 'gone'; readonly peer: string; readonly reason: string }
  /** The gradient of the current step is summed, divided and clipped. */
  | { readonly type: 'reduced'; readonly step: number; readonly norm: number; readonly finite: boolean }
  | { readonly type: 'stop-requested' }
  /** Comes several times a second; everything that depends on time hangs on it. */
  | { readonly type: 'tick' };

/** Which bytes go with a message; the driver knows how to make them. */
export type PayloadSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'windows'; readonly step: number; readonly rowStart: number; readonly rowEnd: number }
  | { readonly kind: 'evaluation'; readonly index: number }
  | { readonly kind: 'gradient' };

export type Report =
  | {
      readonly type: 'worker';
      readonly slot: number;
      readonly status: WorkerStatus | 'gone' | 'left';
      readonly detail: string;
    }
  | { readonly type: 'assigned'; readonly step: number; readonly shards: ReadonlyMap<number, readonly number[]> }
  | {
      readonly type: 'answered';
      readonly step: number;
      readonly slot: number;
      readonly shard: number;
      readonly computeMs: number;
    }
  | { readonly type: 'validation'; readonly step: number; readonly loss: number; readonly characters: number }
  | { readonly type: 'sample'; readonly payload: Uint8Array }
  /** A message that was not applied, and why. */
  | { readonly type: 'rejected'; readonly slot: number | null; readonly reason: string }
  | { readonly type: 'warning'; readonly what: string };

export interface CommittedStep {
  readonly step: number;
  readonly loss: number;
  readonly characters: number;
  readonly gradientNorm: number;
  readonly seconds: number;
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
      readonly payload: PayloadSource;
    }
  /** Send the replica that the driver holds; the driver knows its slots and optimizer steps. */
  | { readonly type: 'send-replica'; readonly peer: string; readonly membership: number; readonly step: number }
  /** Gradients of this step will be collected; whatever was collected before is void. */
  | { readonly type: 'begin-step'; readonly step: number }
  | { readonly type: 'collect'; readonly step: number; readonly shard: number; readonly payload: Uint8Array }
  | { readonly type: 'reduce'; readonly step: number; readonly characters: number }
  /** Keep this snapshot for joiners. */
  | { readonly type: 'hold-replica'; readonly snapshot: SnapshotPayload }
  | { readonly type: 'release-replica' }
  | { readonly type: 'checkpoint'; readonly snapshot: SnapshotPayload }
  | { readonly type: 'commit'; readonly committed: CommittedStep }
  /** Forget a peer that is gone, and what is queued for it. */
  | { readonly type: 'drop'; readonly peer: string }
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'end'; readonly outcome: CoordinatorOutcome };

export interface SnapshotPayload {
  readonly step: number;
  readonly optimizerSteps: number;
  readonly slots: readonly string[];
  /** Weights, then one vector for each slot. */
  readonly payload: readonly Uint8Array[];
}
