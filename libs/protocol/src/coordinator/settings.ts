/** What a coordinator is told once, at its start, and never changes. */
import type { Shard } from '@lockstep/data';

export interface CoordinatorSettings {
  readonly run: string;
  readonly term: number;
  /** Workers of any other version are refused: their arithmetic may differ. */
  readonly softwareVersion: string;
  /** Opaque to the protocol; workers check it against `fingerprint`. */
  readonly config: unknown;
  readonly fingerprint: string;
  readonly layoutDigest: string;
  /** The shard plan. */
  readonly shards: readonly Shard[];
  readonly sequenceLength: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly learningRate: number;
  readonly minWorkers: number;
  readonly workerTimeoutMs: number;
  /** Peers that this coordinator started itself; losing one of them before the first step ends the run. */
  readonly localPeers: ReadonlySet<string>;
  readonly digestEvery: number;
  /** Steps between two checkpoints; null for none but the last. */
  readonly checkpointEvery: number | null;
  /** Rows of each validation batch; empty for no validation. */
  readonly evaluationRows: readonly number[];
  readonly sample: SampleRequest | null;
  /** Digest of the weights that step 0 starts from; the driver holds them until the first step begins. */
  readonly initialDigest: string;
}

export interface SampleRequest {
  readonly prime: readonly number[];
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
}
