/** What a checkpoint holds: a replica at a step, with all that is needed to go on from there or to sample. */
import type { WeightLayout } from '@lockstep/reduce';

export interface OptimizerSnapshot {
  /** For example `adam`. */
  readonly name: string;
  /** Updates the optimizer has made; its bias correction depends on it. */
  readonly steps: number;
  /** State vectors in layout order, for example `m` and `v`. */
  readonly slots: Readonly<Record<string, Float32Array>>;
}

export interface Snapshot {
  /** Updates made so far, which is also the cursor: batches are a pure function of seed and step. */
  readonly step: number;
  readonly epoch: number;
  /** Mean cross-entropy at this step, nats a character; null before the first step. */
  readonly loss: number | null;
  /** In layout order. */
  readonly weights: Float32Array;
  readonly optimizer: OptimizerSnapshot;
  readonly layout: WeightLayout;
  /** The resolved config of the run: JSON, not interpreted here. */
  readonly config: unknown;
  /** The characters by id. */
  readonly vocabulary: readonly string[];
}

/** A snapshot that was read back and found sound. */
export interface Checkpoint extends Snapshot {
  readonly path: string;
  readonly weightsSha256: string;
}

/** A checkpoint that cannot be used, and why, in one line. */
export interface BadCheckpoint {
  readonly path: string;
  readonly reason: string;
}
