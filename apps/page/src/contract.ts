/**
 * What a page is told about a run, as JSON: a whole state first, then updates. The server and the browser keep the
 * same state by the same code (`page-model.ts`), so that an update means one thing.
 */
import type { CurveData } from './curve.js';

/** A committed step: number from 1, mean loss in nats a character, characters, seconds it took. */
export type StepRow = readonly [step: number, loss: number, characters: number, seconds: number];

/** What does not change while a run goes on. */
export interface RunFacts {
  readonly runId: string;
  /** The last part of the run directory. */
  readonly name: string;
  readonly engine: string;
  readonly device: string;
  readonly preset: string;
  readonly parameters: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** For people, in the order in which they are shown. */
  readonly config: readonly (readonly [name: string, value: string])[];
}

export interface ValidationPoint {
  readonly step: number;
  readonly loss: number;
}

/** What kind of thing has happened; faults and checkpoints are marked in the curves. */
export type EntryKind = 'info' | 'member' | 'warning' | 'fault' | 'recovery' | 'checkpoint' | 'end';

export interface Entry {
  /** ISO time. */
  readonly at: string;
  /** Steps that were committed then. */
  readonly step: number;
  readonly kind: EntryKind;
  readonly text: string;
}

/** A worker, or the coordinator, is in a state from now on. */
export interface MemberChange {
  readonly at: string;
  /** Null for the coordinator. */
  readonly slot: number | null;
  /** Null when it is known from before. */
  readonly name: string | null;
  readonly state: string;
}

export interface Sample {
  readonly step: number;
  readonly prime: string;
  readonly text: string;
}

/** How a run has ended. */
export interface Outcome {
  readonly result: string;
  readonly steps: number;
  readonly validationLoss: number | null;
  readonly weightsSha256: string;
  readonly charactersPerSecond: number;
  readonly wallSeconds: number;
}

/** Null where a value is not known. */
export interface WorkerStatus {
  readonly slot: number;
  readonly name: string;
  readonly host: string;
  readonly state: string;
  readonly step: number;
  readonly secondsPerShard: number | null;
  /** Time in which all others waited for this one alone. */
  readonly barrierWaitSeconds: number | null;
  readonly residentBytes: number | null;
  /** Share of the time in which it computed, from 0 to 1. */
  readonly busyShare: number | null;
}

/** How a run stands right now. */
export interface PageStatus {
  /** One word, as `lockstep status` says it. */
  readonly state: string;
  readonly step: number;
  readonly workers: readonly WorkerStatus[];
  /** Seconds of all steps by what they waited for; empty where that is not known. */
  readonly phases: Readonly<Record<string, number>>;
  /** Seconds of the run by what came of them; empty where that is not known. */
  readonly runSeconds: Readonly<Record<string, number>>;
}

/** Time in one state; `until` is null as long as it goes on. */
export interface Span {
  readonly state: string;
  readonly from: string;
  readonly until: string | null;
}

export interface Member {
  readonly slot: number | null;
  readonly name: string;
  readonly spans: readonly Span[];
}

export type PageUpdate =
  | { readonly type: 'facts'; readonly facts: RunFacts }
  | { readonly type: 'steps'; readonly rows: readonly StepRow[] }
  | { readonly type: 'validation'; readonly point: ValidationPoint }
  | { readonly type: 'entry'; readonly entry: Entry }
  | { readonly type: 'member'; readonly change: MemberChange }
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'status'; readonly status: PageStatus };

export interface PageState {
  readonly facts: RunFacts | null;
  readonly curve: CurveData;
  readonly validation: readonly ValidationPoint[];
  /** The latest, newest last. */
  readonly entries: readonly Entry[];
  /** Faults and checkpoints, also those that are older than the entries. */
  readonly marks: readonly Entry[];
  readonly members: readonly Member[];
  readonly sample: Sample | null;
  readonly outcome: Outcome | null;
  readonly status: PageStatus | null;
}

/** A run beside others. */
export interface ComparedRun {
  readonly name: string;
  readonly state: string;
  readonly curve: CurveData;
  readonly steps: number;
  /** Means of 20 steps: the last ones, and the best ones; null before the first step. */
  readonly lastLoss: number | null;
  readonly bestLoss: number | null;
  readonly validationLoss: number | null;
  readonly charactersPerSecond: number | null;
  /** Of a run that has ended. */
  readonly weightsSha256: string | null;
  /** How its bits compare with those of the first run; null for that one. */
  readonly bits: {
    /** The last step after which both were seen to have the same weights. */
    readonly sameUntil: number;
    readonly differsAt: number | null;
    /** At their ends; null where one has none. */
    readonly sameWeights: boolean | null;
  } | null;
}

export interface Comparison {
  readonly runs: readonly ComparedRun[];
  /** Settings in which they differ, with a value for each run. */
  readonly differences: readonly { readonly name: string; readonly values: readonly string[] }[];
}
