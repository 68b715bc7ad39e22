/**
 * The coordinator's whole memory. It holds no weights and no gradients: payloads pass by, and the driver keeps what
 * has to be kept.
 *
 *   gathering --enough workers--> computing --all shards--> reducing --update sent--> (boundary)
 *   boundary: level joiners, evaluate at the end of an epoch, take a checkpoint, then compute the next step or
 * close the run
 *   closing:  settle (all updates applied), evaluate, last snapshot, sample, ended
 */
import type { Failure } from '../messages.js';
import type { CoordinatorSettings } from './settings.js';

export type WorkerStatus =
  /** Said hello; loading its engine. */
  | 'preparing'
  /** Has its engine, waits for weights at the next step boundary. */
  | 'waiting'
  /** A replica is on its way. */
  | 'syncing'
  /** Holds the weights of the current step. */
  | 'ready';

export interface WorkerRecord {
  readonly peer: string;
  /** Small number, lowest free first, that names the worker in output and metrics. */
  readonly slot: number;
  readonly host: string;
  readonly pid: number;
  readonly status: WorkerStatus;
  readonly computeClass: string;
  readonly heardAtMs: number;
  /** When `status` last changed. */
  readonly sinceMs: number;
}

export interface Assignment {
  readonly peer: string;
  readonly attempt: number;
  readonly sinceMs: number;
}

export interface ShardResult {
  readonly lossSum: number;
  readonly characters: number;
}

export type Phase =
  | { readonly name: 'gathering'; readonly sinceMs: number }
  | {
      readonly name: 'computing';
      readonly pending: ReadonlyMap<number, Assignment>;
      readonly results: ReadonlyMap<number, ShardResult>;
      readonly sinceMs: number;
    }
  | { readonly name: 'reducing'; readonly loss: number; readonly characters: number; readonly sinceMs: number }
  /** Joiners receive the replica of the current step; nobody computes. */
  | { readonly name: 'levelling'; readonly sinceMs: number }
  | {
      readonly name: 'evaluating';
      readonly outstanding: ReadonlyMap<number, Assignment>;
      readonly results: ReadonlyMap<number, ShardResult>;
    }
  /** The last step is sent; its updates are being applied. */
  | { readonly name: 'settling' }
  /** The last snapshot is awaited. */
  | { readonly name: 'saving' }
  | { readonly name: 'sampling'; readonly peer: string; readonly sinceMs: number }
  /**
   * Between two steps: what comes next is decided before the event is answered, so no event ever finds this phase.
   */
  | { readonly name: 'boundary' }
  | { readonly name: 'ended' };

/** A step whose update was sent and that counts as committed once every replica has applied it. */
export interface Commit {
  readonly loss: number;
  readonly characters: number;
  readonly gradientNorm: number;
  readonly seconds: number;
  readonly sentAtMs: number;
  readonly waiting: ReadonlySet<string>;
  readonly digests: ReadonlyMap<string, string>;
}

/** The snapshot that was asked of the lead. */
export interface SnapshotRequest {
  readonly step: number;
  readonly peer: string;
  readonly sinceMs: number;
}

export interface CoordinatorState {
  readonly settings: CoordinatorSettings;
  readonly membership: number;
  readonly workers: ReadonlyMap<string, WorkerRecord>;
  /** The step that is computed now or next: also the number of steps whose update was sent. */
  readonly step: number;
  readonly phase: Phase;
  readonly commits: ReadonlyMap<number, Commit>;
  readonly snapshot: SnapshotRequest | null;
  /** Step of the replica that the driver holds for joiners, and its digest. */
  readonly replica: { readonly step: number; readonly digest: string } | null;
  /** Last step boundary at which a checkpoint was asked for, and at which the validation loss was taken. */
  readonly checkpointedStep: number;
  readonly evaluatedStep: number;
  readonly evaluation: number;
  readonly sampled: boolean;
  readonly stopRequested: boolean;
  readonly pulsedAtMs: number;
  /** When the last tick came: a late one means that we were held up, not the workers. */
  readonly tickedAtMs: number;
  /** The first failure that a worker reported: the root cause, should the run end by it. */
  readonly firstFailure: Failure | null;
}

export function initialCoordinatorState(settings: CoordinatorSettings, nowMs: number): CoordinatorState {
  return {
    settings,
    membership: 0,
    workers: new Map(),
    step: 0,
    phase: { name: 'gathering', sinceMs: nowMs },
    commits: new Map(),
    snapshot: null,
    replica: { step: 0, digest: settings.initialDigest },
    checkpointedStep: 0,
    evaluatedStep: 0,
    evaluation: 0,
    sampled: false,
    stopRequested: false,
    pulsedAtMs: nowMs,
    tickedAtMs: nowMs,
    firstFailure: null,
  };
}

/** Workers that hold the current weights, by slot: the order in which shards are dealt out. */
export function readyWorkers(state: CoordinatorState): readonly WorkerRecord[] {
  return [...state.workers.values()].filter((worker) => worker.status === 'ready').sort((a, b) => a.slot - b.slot);
}

export function withWorker(state: CoordinatorState, worker: WorkerRecord): CoordinatorState {
  return { ...state, workers: new Map(state.workers).set(worker.peer, worker) };
}
