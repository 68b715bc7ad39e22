/** What happens in a run, as data: the terminal, plain lines and `--json` are three ways to show the same events. */
import type { RunConfig } from '@lockstep/config';

export interface RunSummary {
  readonly runId: string;
  readonly result: 'done' | 'stopped';
  readonly steps: number;
  readonly characters: number;
  /** Mean training loss of each epoch in nats a character; the last may be of a part of one. */
  readonly epochMeanLoss: readonly number[];
  readonly validationLoss: number | null;
  readonly weightsSha256: string;
  readonly charactersPerSecond: number;
  readonly engine: string;
  readonly workers: number;
  readonly shards: number;
  readonly wallSeconds: number;
}

/** A worker by its number, null where it never had one, and the name it keeps over restarts. */
export interface NamedWorker {
  readonly worker: number | null;
  readonly name: string;
}

export type RunEvent =
  | {
      readonly event: 'start';
      readonly runId: string;
      readonly runDirectory: string;
      readonly endpoint: string;
      readonly preset: string;
      readonly presetChosen: boolean;
      readonly engine: string;
      readonly device: string;
      readonly workers: number;
      readonly minWorkers: number;
      readonly totalSteps: number;
      readonly stepsPerEpoch: number;
      readonly parameters: number;
      readonly config: RunConfig;
      /** Steps that the run had made before; null when it begins. */
      readonly resumedAt: number | null;
    }
  | { readonly event: 'worker'; readonly worker: number; readonly status: string; readonly detail: string }
  | { readonly event: 'assigned'; readonly step: number; readonly shards: ReadonlyMap<number, readonly number[]> }
  | { readonly event: 'answered'; readonly step: number; readonly worker: number; readonly computeSeconds: number }
  | {
      readonly event: 'step';
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly gradientNorm: number;
      readonly characters: number;
      readonly seconds: number;
      readonly charactersPerSecond: number;
      readonly weightsDigest: string | null;
    }
  | { readonly event: 'validation'; readonly step: number; readonly loss: number; readonly characters: number }
  | { readonly event: 'checkpoint'; readonly step: number; readonly path: string }
  | {
      readonly event: 'rejected';
      readonly worker: number | null;
      readonly reason: string;
      readonly detail: string;
    }
  /** A worker takes much longer than the others, who do its work too. */
  | {
      readonly event: 'late';
      readonly worker: number;
      readonly name: string;
      readonly host: string;
      readonly step: number;
      readonly activity: string;
      readonly waitedSeconds: number;
      /** The same in units of the median time of a shard. */
      readonly medians: number;
    }
  /** The run goes on after nobody seemed to hold the weights, from `step` done steps. */
  | {
      readonly event: 'recovered';
      readonly from: 'replicas' | 'checkpoint';
      readonly step: number;
      /** Up to here steps are computed again and compared with the journal. */
      readonly replayUntil: number;
    }
  | { readonly event: 'topology'; readonly topology: 'star' | 'mesh'; readonly why: string }
  | { readonly event: 'plan'; readonly fromStep: number; readonly shards: number }
  | { readonly event: 'quarantined'; readonly name: string; readonly detail: string }
  /** A run that fails says which worker failed first, and what it said last. */
  | {
      readonly event: 'failure';
      /** Null for one that never joined. */
      readonly worker: number | null;
      readonly name: string;
      readonly host: string;
      readonly pid: number;
      /** ISO time of the first sign of it. */
      readonly at: string;
      readonly what: string;
      /** Empty where it left none. */
      readonly stack: string;
      /** The last lines of its log. */
      readonly log: readonly string[];
      /** How often this worker failed so, over restarts. */
      readonly times: number;
      /** Other workers that said the same but for numbers and paths. */
      readonly same: readonly NamedWorker[];
      readonly others: readonly { readonly workers: readonly NamedWorker[]; readonly what: string }[];
      readonly runDirectory: string;
    }
  | { readonly event: 'notice'; readonly text: string }
  | { readonly event: 'warning'; readonly text: string }
  | { readonly event: 'sample'; readonly prime: string; readonly text: string }
  | {
      readonly event: 'summary';
      readonly summary: RunSummary;
      readonly runDirectory: string;
      readonly checkpoint: string;
      /** Commands that make sense now. */
      readonly next: readonly string[];
    };

/** Shows events; must never throw into the run. */
export interface RunView {
  show(event: RunEvent): void;
  /** Gives the terminal back; nothing is shown afterwards. */
  close(): void;
}
