/**
 * What the coordinator's loop does, and when, for a profile. The loop tells it to a probe where there is one; nothing
 * it does depends on that. All times are those of the loop's clock, in milliseconds.
 */
import type { CoordinatorMessage, Report, Times, Vitals, WorkerMessage } from '@lockstep/protocol';
import type { PeerId } from './ports.js';

export type Moment =
  /** A message was made, its payload included, and given to the transport. */
  | {
      readonly type: 'sent';
      readonly peer: PeerId;
      readonly message: CoordinatorMessage;
      readonly bytes: number;
      readonly beganMs: number;
      readonly endedMs: number;
    }
  /** A message has come, and its payload is copied and checked. */
  | {
      readonly type: 'received';
      readonly peer: PeerId;
      readonly message: WorkerMessage;
      readonly times: Times | undefined;
      readonly vitals: Vitals | undefined;
      readonly bytes: number;
      readonly atMs: number;
    }
  | { readonly type: 'step-begun'; readonly step: number; readonly shards: number; readonly atMs: number }
  /** The gradient of a shard was added to the sum. */
  | {
      readonly type: 'collected';
      readonly step: number;
      readonly shard: number;
      readonly bytes: number;
      readonly beganMs: number;
      readonly endedMs: number;
    }
  /** The sum was divided, measured and clipped. */
  | { readonly type: 'reduced'; readonly step: number; readonly beganMs: number; readonly endedMs: number }
  /** The line of a step, or a checkpoint of so many steps, is on the disk. */
  | {
      readonly type: 'journalled' | 'saved';
      readonly step: number;
      readonly beganMs: number;
      readonly endedMs: number;
    }
  | { readonly type: 'reported'; readonly report: Report; readonly atMs: number };

export type Probe = (moment: Moment) => void;

export function lengthOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
