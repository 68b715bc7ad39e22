/**
 * A worker's memory of its conversation with the coordinator. The tensors are elsewhere: the compute side works off
 * one queue in order, so this machine only keeps track of what has been put into that queue.
 */
import type { CoordinatorMessage, StepRecord } from '../messages.js';
import type { ComputeTask } from './events.js';

export interface WorkerSettings {
  /** Where the coordinator is, for messages to the user. */
  readonly coordinator: string;
  /** The run this worker was started for; null accepts whichever run the coordinator leads. */
  readonly run: string | null;
  readonly softwareVersion: string;
  /** Stays the same when the worker is started again: what a crash loop is counted by. */
  readonly name: string;
  /** Whoever started this worker starts it again when it fails. */
  readonly supervised: boolean;
  readonly host: string;
  readonly pid: number;
  /** How long the first answer of a coordinator may take to come. */
  readonly connectDeadlineMs: number;
  /** A coordinator that is silent for longer counts as gone; infinite where something surer tells. */
  readonly silenceLimitMs: number;
  /** How long a coordinator that has been obeyed before may be gone. */
  readonly awayLimitMs: number;
}

export type WorkerPhase =
  /** There is no connection: not yet, or not any more. */
  | 'away'
  /** Hello is said; nobody has answered yet. */
  | 'greeting'
  /** Told to wait before it says hello again. */
  | 'held'
  /** Welcomed; the engine is being loaded. */
  | 'preparing'
  /** The engine is there; whether the replica is the right one, the coordinator will say. */
  | 'unsynced'
  /** Holds the replica of the run and computes. */
  | 'synced'
  | 'ended';

/** What is known of a replica before all of it has come. */
type ReplicaPart = Extract<CoordinatorMessage, { type: 'replica' }>;

export interface HeldGradient {
  readonly attempt: number;
  readonly payload: Uint8Array;
}

export interface WorkerState {
  readonly settings: WorkerSettings;
  readonly phase: WorkerPhase;
  /** Number of the last hello; 0 before the first. */
  readonly conversation: number;
  /** Sequence of the next message to say, and of the next one to hear, in this conversation. */
  readonly saying: number;
  readonly hearing: number;
  /** Run, term and membership of the last message obeyed; null before the first welcome. */
  readonly envelope: { readonly run: string; readonly term: number; readonly membership: number } | null;
  /** Of the coordinator that was obeyed last. */
  readonly incarnation: string | null;
  /** Step that the replica is at once everything queued so far is done; null while there is none. */
  readonly step: number | null;
  /** A replica of which some parts have come, in order. */
  readonly arriving: { readonly about: ReplicaPart; readonly parts: readonly Uint8Array[] } | null;
  /** Where other workers reach this one; null while it takes part in no exchange. */
  readonly endpoint: string | null;
  /** Names the machine when it shares memory. */
  readonly sharing: string | null;
  /** Gradients of the current step that are held, for an exchange or until they are asked for, by shard. */
  readonly held: ReadonlyMap<number, HeldGradient>;
  /** The exchange that goes on; its mean gradient once it is complete. */
  readonly exchange: { readonly id: number; readonly mean: Uint8Array | null } | null;
  /** Of the steps that were applied here and may be missing in the journal, ascending. */
  readonly records: readonly StepRecord[];
  /** Messages out of place since the last update was applied. */
  readonly breaches: number;
  /** Tasks without an answer, oldest first; those of earlier conversations among them. */
  readonly tasks: readonly ComputeTask['type'][];
  /** Since when nobody is obeyed; null while somebody is, and while told to wait. */
  readonly aloneSinceMs: number | null;
  readonly heardAtMs: number;
  readonly greetedAtMs: number;
  readonly pulsedAtMs: number;
  readonly tickedAtMs: number;
  /** When a held worker says hello again. */
  readonly againAtMs: number;
  /** When `leave` was said; null before. */
  readonly leavingAtMs: number | null;
}

export function initialWorkerState(settings: WorkerSettings, nowMs: number): WorkerState {
  return {
    settings,
    phase: 'away',
    conversation: 0,
    saying: 0,
    hearing: 0,
    envelope: null,
    incarnation: null,
    step: null,
    arriving: null,
    endpoint: null,
    sharing: null,
    held: new Map(),
    exchange: null,
    records: [],
    breaches: 0,
    tasks: [],
    aloneSinceMs: nowMs,
    heardAtMs: nowMs,
    greetedAtMs: nowMs,
    pulsedAtMs: nowMs,
    tickedAtMs: nowMs,
    againAtMs: nowMs,
    leavingAtMs: null,
  };
}

/** Whether the coordinator has welcomed this worker in the conversation that goes on. */
export function isWelcomed({ phase }: WorkerState): boolean {
  return phase === 'preparing' || phase === 'unsynced' || phase === 'synced';
}
