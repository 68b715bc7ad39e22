/**
 * The coordinator's whole memory. It holds no weights and sums no gradients: payloads pass by, and the driver keeps
 * what has to be kept.
 *
 *   gathering --enough workers--> computing --all shards--> reducing or exchanging --update sent--> (boundary)
 *   boundary: level joiners, change the plan, evaluate at the end of an epoch, take a checkpoint, then compute the next
 * step or close the run
 *   closing:  settle (all updates applied), evaluate, last snapshot, sample, ended
 *   recovering: nobody is known to hold the weights (all are lost, or this process has just taken over): wait for
 * workers that still do, else go back to a checkpoint
 */
import { invariant } from '@lockstep/config';
import type { Shard } from '@lockstep/data';
import type { Activity, Failure, StepRecord } from '../messages.js';
import type { CoordinatorSettings, JournalledStep, Plan, ReplicaAbout } from './settings.js';

export type WorkerStatus =
  /** Said hello; loading its engine. */
  | 'preparing'
  /** Has its engine, waits for the weights of the current step at the next step boundary. */
  | 'waiting'
  /** A replica is on its way. */
  | 'syncing'
  /** Holds the weights of the current step. */
  | 'ready'
  /** Was ready and is late: others do its work, and it gets no more until it has caught up. */
  | 'behind';

/** Weights that a worker holds: how many updates they have had, and their digest. */
export interface HeldReplica {
  readonly step: number;
  readonly digest: string;
}

export interface WorkerRecord {
  readonly peer: string;
  /** Small number, lowest free first, that names the worker in output and metrics. */
  readonly slot: number;
  readonly name: string;
  readonly supervised: boolean;
  readonly host: string;
  readonly pid: number;
  readonly status: WorkerStatus;
  readonly conversation: number;
  /** Sequence numbers of the next message from it and to it. */
  readonly received: number;
  readonly sent: number;
  readonly computeClass: string;
  /** Where other workers reach it; null when they cannot. */
  readonly endpoint: string | null;
  /** Names its machine when it shares memory. */
  readonly sharing: string | null;
  readonly heardAtMs: number;
  /** When `status` last changed. */
  readonly sinceMs: number;
  /** What it last said it was doing, at which step, and when. */
  readonly activity: Activity;
  readonly activityStep: number;
  readonly activityAtMs: number;
  /** What it holds while it is not ready. */
  readonly replica: HeldReplica | null;
  /** Steps it can tell of that may be missing in the journal. */
  readonly records: readonly StepRecord[];
  /** The step of the last update sent to it. */
  readonly lastUpdate: number | null;
  /** Since when it has something to do that it has not answered; null when nothing is open. */
  readonly busySinceMs: number | null;
  readonly drainingSinceMs: number | null;
  /** How often in a row it was late, and until when it is left in peace for that. */
  readonly lateTimes: number;
  readonly restUntilMs: number;
}

export interface Assignment {
  readonly peer: string;
  readonly attempt: number;
  readonly sinceMs: number;
}

export interface ShardAssignment extends Assignment {
  /** Whether the gradient comes with the answer. */
  readonly ships: boolean;
  /** Whether that one counts among those on their way to us; not any more once its worker is late. */
  readonly isExpected: boolean;
}

/** One computed gradient of a shard. */
export interface Answer {
  readonly peer: string;
  readonly attempt: number;
  readonly lossSum: number;
  readonly characters: number;
  readonly finite: boolean;
  readonly digest: string;
  /** Of the weights it was computed from; null when none was asked for. */
  readonly weightsDigest: string | null;
  /** Null when the worker holds it, and when there was no room for it or no use. */
  readonly payload: Uint8Array | null;
  /** Whether it is to be had from the worker. */
  readonly isHeld: boolean;
  /** How long it took to come, beginning with the assignment. */
  readonly tookMs: number;
}

/** A shard of the running step that has no result yet. */
export interface OpenShard {
  /** Number of the next attempt. */
  readonly attempts: number;
  readonly assignments: readonly ShardAssignment[];
  /** More than one when an answer has to be confirmed. */
  readonly answers: readonly Answer[];
}

export interface ShardResult {
  /** Whose answer counts: where the gradient is, unless it is collected. */
  readonly peer: string;
  readonly attempt: number;
  readonly lossSum: number;
  readonly characters: number;
  readonly digest: string;
  readonly weightsDigest: string | null;
  /** How often the shard was given to somebody. */
  readonly attempts: number;
  /** `held`: the worker has it; `asked`: and was told to ship it; `collected`: it is a part of the sum here. */
  readonly gradient: 'held' | 'asked' | 'collected';
  /** How long the answer took to come, and when the gradient was asked for. */
  readonly tookMs: number;
  readonly askedAtMs: number;
}

export interface EvaluationResult {
  readonly lossSum: number;
  readonly characters: number;
}

export interface ExchangeWait {
  readonly missing: readonly string[];
  readonly sinceMs: number;
  readonly atMs: number;
}

export type Phase =
  | { readonly name: 'gathering'; readonly sinceMs: number; readonly needed: number }
  | { readonly name: 'recovering'; readonly sinceMs: number; readonly needed: number; readonly loading: boolean }
  | {
      readonly name: 'computing';
      /** Whether workers exchange their gradients with each other instead of shipping them. */
      readonly mesh: boolean;
      /** Exchanges of this step that came to nothing. */
      readonly failures: number;
      readonly open: ReadonlyMap<number, OpenShard>;
      readonly results: ReadonlyMap<number, ShardResult>;
      readonly sinceMs: number;
    }
  | {
      readonly name: 'reducing';
      readonly loss: number;
      readonly characters: number;
      readonly shardDigests: readonly string[];
      readonly sinceMs: number;
    }
  /** The workers sum the gradients that they hold. */
  | {
      readonly name: 'exchanging';
      readonly exchange: number;
      /** Peers, in the order of their slices. */
      readonly members: readonly string[];
      readonly results: ReadonlyMap<number, ShardResult>;
      /** Squares of the norm blocks of their slices, of those who hold the whole mean. */
      readonly done: ReadonlyMap<string, readonly number[]>;
      /** Members that wait for others, since when, and when they last said so. */
      readonly waits: ReadonlyMap<string, ExchangeWait>;
      /** When a member said that something is lost. */
      readonly brokenAtMs: number | null;
      readonly failures: number;
      /** Beginning of the step, and of the exchange. */
      readonly sinceMs: number;
      readonly begunMs: number;
    }
  /** Joiners receive the replica of the current step; nobody computes. */
  | { readonly name: 'levelling'; readonly sinceMs: number }
  | {
      readonly name: 'evaluating';
      readonly outstanding: ReadonlyMap<number, Assignment>;
      readonly results: ReadonlyMap<number, EvaluationResult>;
    }
  /** Updates are being applied, or lines written, that the next thing has to wait for. */
  | { readonly name: 'settling' }
  /** The line of a new plan is being written. */
  | { readonly name: 'replanning' }
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
  readonly record: StepRecord;
  /** Whether a digest was asked for. */
  readonly digest: boolean;
  readonly waiting: ReadonlySet<string>;
  readonly digests: ReadonlyMap<string, string>;
}

/** The snapshot that was asked of the lead. */
export interface SnapshotRequest {
  readonly step: number;
  readonly peer: string;
  readonly sinceMs: number;
  /** What has come of it. */
  readonly parts: readonly Uint8Array[];
  /** Present once all parts have come; used once the digest of its step is agreed. */
  readonly about: ReplicaAbout | null;
}

/** What is remembered of a worker that fails, by name. */
export interface Strikes {
  readonly count: number;
  readonly lastAtMs: number;
  readonly isQuarantined: boolean;
}

export interface CoordinatorState {
  readonly settings: CoordinatorSettings;
  readonly membership: number;
  readonly workers: ReadonlyMap<string, WorkerRecord>;
  /** Peers whose connection broke while they held weights, and when: they may come back with them. */
  readonly awaited: ReadonlyMap<string, number>;
  readonly strikes: ReadonlyMap<string, Strikes>;
  /** Different workers lost while they computed a shard, by `step:shard`. */
  readonly victims: ReadonlyMap<string, ReadonlySet<string>>;
  /** Messages out of place, by peer. */
  readonly breaches: ReadonlyMap<string, number>;
  /** The step that is computed now or next: also the number of steps whose update was sent. */
  readonly step: number;
  readonly phase: Phase;
  readonly plans: readonly Plan[];
  readonly commits: ReadonlyMap<number, Commit>;
  /** Steps whose line was handed to the journal, and those that are on the disk. */
  readonly committed: number;
  readonly durable: number;
  /** Digest on which all replicas agree, by number of updates applied; the latest few. */
  readonly agreed: ReadonlyMap<number, string>;
  /** Lines of steps that are computed again, and the latest ones of this life, should it come to that. */
  readonly history: ReadonlyMap<number, JournalledStep>;
  /** How often replicas came apart at a step without a majority. */
  readonly ties: ReadonlyMap<number, number>;
  readonly snapshot: SnapshotRequest | null;
  /** The replica that the driver holds for joiners. */
  readonly replica: ReplicaAbout | null;
  /** Last step boundary at which a checkpoint was asked for, and when; and the newest that is on the disk. */
  readonly checkpointedStep: number;
  readonly checkpointedAtMs: number;
  readonly savedStep: number;
  /** Last step boundary at which the validation loss was taken. */
  readonly evaluatedStep: number;
  readonly evaluation: number;
  /** Last step boundary at which a sample was taken, or given up; null before the first. */
  readonly sampledStep: number | null;
  /** When the latest was asked for. */
  readonly sampledAtMs: number;
  readonly stopRequested: boolean;
  /** Number of the next exchange. */
  readonly exchanges: number;
  /** Workers could not reach each other: gradients go by the coordinator. */
  readonly isMeshGivenUp: boolean;
  /** Whether those on one machine share memory; not any more after an exchange that came to nothing. */
  readonly isSharing: boolean;
  /** How the gradients of the last step were summed; null before the first. */
  readonly topology: 'star' | 'mesh' | null;
  /** Bytes a second at which replicas have reached workers; null before the first has. */
  readonly bytesPerSecond: number | null;
  readonly planRequest: { readonly id: number; readonly shards: number } | null;
  /** Times of the latest answers, oldest first. */
  readonly answerMs: readonly number[];
  readonly pulsedAtMs: number;
  /** When the last tick came: a late one means that we were held up, not the workers. */
  readonly tickedAtMs: number;
  /** The first failure that a worker reported: the root cause, should the run end by it. */
  readonly firstFailure: Failure | null;
}

export function initialCoordinatorState(settings: CoordinatorSettings, nowMs: number): CoordinatorState {
  const { initial, resumption, minWorkers } = settings;
  invariant((initial === null) !== (resumption === null), 'a run begins with first weights or goes on');
  const journalled = resumption?.journalled ?? 0;
  const saved = resumption?.checkpointStep ?? initial?.step ?? 0;
  return {
    settings,
    membership: 0,
    workers: new Map(),
    awaited: new Map((resumption?.awaitedPeers ?? []).map((peer) => [peer, nowMs])),
    strikes: new Map(),
    victims: new Map(),
    breaches: new Map(),
    step: initial?.step ?? journalled,
    phase:
      resumption === null
        ? { name: 'gathering', sinceMs: nowMs, needed: minWorkers }
        : { name: 'recovering', sinceMs: nowMs, needed: minWorkers, loading: false },
    plans: settings.plans,
    commits: new Map(),
    committed: journalled,
    durable: journalled,
    agreed: firstAgreed(settings),
    history: new Map(),
    ties: new Map(),
    snapshot: null,
    replica: initial,
    checkpointedStep: saved,
    checkpointedAtMs: nowMs,
    savedStep: saved,
    evaluatedStep: 0,
    evaluation: 0,
    sampledStep: null,
    sampledAtMs: nowMs,
    stopRequested: false,
    exchanges: 0,
    isMeshGivenUp: false,
    isSharing: settings.sharedMemory,
    topology: null,
    bytesPerSecond: null,
    planRequest: null,
    answerMs: [],
    pulsedAtMs: nowMs,
    tickedAtMs: nowMs,
    firstFailure: null,
  };
}

/** What is known of the weights before anybody has said anything. */
function firstAgreed({ initial, resumption }: CoordinatorSettings): ReadonlyMap<number, string> {
  if (initial !== null) return new Map([[initial.step, initial.digest]]);
  const digest = resumption?.journalledDigest ?? null;
  return digest === null ? new Map() : new Map([[resumption?.journalled ?? 0, digest]]);
}

/** Workers that hold the current weights, by slot: the order in which shards are dealt out. */
export function readyWorkers(state: CoordinatorState): readonly WorkerRecord[] {
  return [...state.workers.values()].filter((worker) => worker.status === 'ready').sort((a, b) => a.slot - b.slot);
}

export function withWorker(state: CoordinatorState, worker: WorkerRecord): CoordinatorState {
  return { ...state, workers: new Map(state.workers).set(worker.peer, worker) };
}

/** The shards under which a step is or was computed. */
export function shardsAt(plans: readonly Plan[], step: number): readonly Shard[] {
  const plan = plans.findLast(({ fromStep }) => fromStep <= step);
  invariant(plan !== undefined, `no shard plan for step ${step}`);
  return plan.shards;
}

/** Whether the current step was journalled before and is computed again. */
export function isReplaying(state: CoordinatorState): boolean {
  return state.step < state.committed;
}
