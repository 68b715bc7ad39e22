/** What a coordinator is told once, at its start, and never changes. */
import type { Cadence } from '@lockstep/config';
import type { Shard } from '@lockstep/data';
import type { Wire } from '@lockstep/reduce';

/** The shards from a step on. */
export interface Plan {
  /** The first step, from 0, that is computed under it. */
  readonly fromStep: number;
  readonly shards: readonly Shard[];
}

/** What the journal says of a step, to compare it with when it is computed again. */
export interface JournalledStep {
  /** From 0. */
  readonly step: number;
  readonly loss: number;
  readonly shardDigests: readonly string[];
  /** Of the weights after the step; null where none was taken. */
  readonly weightsDigest: string | null;
}

/** Where a coordinator goes on that is not the first of its run. */
export interface Resumption {
  /** Steps in the journal. */
  readonly journalled: number;
  /** Digest of the weights after the last of them; null where none was taken. */
  readonly journalledDigest: string | null;
  /** Steps of the newest checkpoint that looks sound. */
  readonly checkpointStep: number;
  /** Workers of the life before that may still be there and hold the weights; they are waited for a while. */
  readonly awaitedPeers: readonly string[];
  /** False where lines of the journal come from another compute class: steps computed again may then differ in bits. */
  readonly comparesReplay: boolean;
}

export interface CoordinatorSettings {
  readonly run: string;
  readonly term: number;
  /** Of this process; tells two coordinators of the same term apart. */
  readonly incarnation: string;
  /** Workers of any other version are refused: their arithmetic may differ. */
  readonly softwareVersion: string;
  /** Opaque to the protocol; workers check it against `fingerprint`. */
  readonly config: unknown;
  readonly fingerprint: string;
  readonly layoutDigest: string;
  readonly batchSize: number;
  /** The shard plans so far, by their first step; the first one begins at step 0. */
  readonly plans: readonly Plan[];
  readonly sequenceLength: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly learningRate: number;
  /** Whether workers on one machine exchange gradients through its memory. */
  readonly sharedMemory: boolean;
  /** Form in which gradients travel. */
  readonly wire: Wire;
  /** Values in a gradient. */
  readonly gradientLength: number;
  /** Gradients that may be on their way to the coordinator at a time, from 1; see `gradientCreditFor`. */
  readonly gradientCredit: number;
  /** Largest norm of a gradient; null for no clipping. */
  readonly clipNorm: number | null;
  /** Who sums the gradients: the coordinator, the workers among themselves, or whoever is faster. */
  readonly topology: 'auto' | 'star' | 'mesh';
  readonly minWorkers: number;
  readonly workerTimeoutMs: number;
  readonly digestEvery: number;
  /** Steps or milliseconds between two checkpoints; null for none but the last. */
  readonly checkpointEvery: Cadence | null;
  /** Share of the shards that a second worker computes too, to compare the bits. */
  readonly audit: number;
  readonly seed: number;
  /** Rows of each validation batch; empty for no validation. */
  readonly evaluationRows: readonly number[];
  readonly sample: SampleRequest | null;
  /** Digest of the weights of `initialReplica`, which the driver holds; null when resuming. */
  readonly initial: ReplicaAbout | null;
  /** Parts in which a replica travels: its bytes over `LIMITS.replicaPartBytes`, rounded up. */
  readonly replicaParts: number;
  readonly resumption: Resumption | null;
  /** Where in the text the rows of a shard come from, in words, for a shard that ends its workers. */
  describeRows(step: number, rowStart: number, rowEnd: number): string;
}

/** A replica without its bytes. */
export interface ReplicaAbout {
  readonly step: number;
  /** Of the weights. */
  readonly digest: string;
  readonly optimizerSteps: number;
  readonly slots: readonly string[];
}

export interface SampleRequest {
  readonly prime: readonly number[];
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
  /** Beside the one at the end; null for none. */
  readonly every: Cadence | null;
}
