/**
 * A worker's memory of the conversation. The tensors are elsewhere: the compute side works off one queue in order,
 * so this machine only keeps track of what has been put into that queue.
 */

export interface WorkerSettings {
  /** Where the coordinator is, for messages to the user. */
  readonly coordinator: string;
  /** The run this worker was started for; null accepts whichever run the coordinator leads. */
  readonly run: string | null;
  readonly softwareVersion: string;
  readonly host: string;
  readonly pid: number;
  readonly connectDeadlineMs: number;
  /** A coordinator that is silent for longer counts as gone; infinite where something surer tells. */
  readonly silenceLimitMs: number;
}

export type WorkerPhase =
  /** Nobody has answered yet. */
  | 'greeting'
  /** Welcomed; the engine is being loaded. */
  | 'preparing'
  /** The engine is there, the weights are not. */
  | 'unsynced'
  /** Holds a replica and computes. */
  | 'synced'
  | 'ended';

export interface WorkerState {
  readonly settings: WorkerSettings;
  readonly phase: WorkerPhase;
  /** Run, term and membership of the coordinator's last message; null before the welcome. */
  readonly envelope: { readonly run: string; readonly term: number; readonly membership: number } | null;
  readonly slot: number | null;
  /** Step that the replica is at once everything queued so far is done. */
  readonly step: number;
  readonly heardAtMs: number;
  readonly pulsedAtMs: number;
}

export function initialWorkerState(settings: WorkerSettings, nowMs: number): WorkerState {
  return { settings, phase: 'greeting', envelope: null, slot: null, step: 0, heardAtMs: nowMs, pulsedAtMs: nowMs };
}
