/**
 * Snapshots: the lead, the ready worker with the lowest slot, ships its replica, for a checkpoint, for joiners, or for
 * both. It answers while all go on, because its queue is worked off in order. What it sends is used only once its
 * digest is the one that all agree on.
 */
import type { WorkerMessage } from '../messages.js';
import { breach } from './conversation.js';
import { takers } from './dealing.js';
import type { CoordinatorAction, ReplicaParts } from './events.js';
import { catchUp, rewind, wound } from './lateness.js';
import { estrange } from './replicas.js';
import { envelope, reject, send } from './sending.js';
import { withWorker } from './state.js';
import type { CoordinatorState, SnapshotRequest, WorkerRecord } from './state.js';

/** Asks the lead for its replica; asks another when the lead is lost. */
export function requestSnapshot(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { snapshot, step } = state;
  const isAsked = snapshot?.step === step && (snapshot.about !== null || state.workers.has(snapshot.peer));
  const lead = takers(state)[0];
  if (isAsked || lead === undefined) return state;
  send(out, lead.peer, { type: 'snapshot-request', ...envelope(state), step });
  const asked = withWorker(state, wound(lead, nowMs));
  return { ...asked, snapshot: { step, peer: lead.peer, sinceMs: nowMs, parts: [], about: null } };
}

/** Whether a checkpoint is to be taken at this step boundary. */
export function checkpointIsDue(state: CoordinatorState, closing: boolean, nowMs: number): boolean {
  const { settings, snapshot, step } = state;
  // The lead was lost with the snapshot of an earlier step: this step's will do.
  if (snapshot !== null && snapshot.about === null && !state.workers.has(snapshot.peer)) return true;
  if (state.checkpointedStep === step) return false;
  if (closing) return true;
  const every = settings.checkpointEvery;
  if (every === null || snapshot !== null) return false;
  if ('steps' in every) return step % every.steps === 0;
  const isCompared = state.agreed.has(step) || state.commits.get(step - 1)?.digest === true;
  return isCompared && nowMs - state.checkpointedAtMs >= every.ms;
}

/** A part of a snapshot has come. */
export function onSnapshot(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Extract<WorkerMessage, { type: 'snapshot' }>,
  payload: Uint8Array,
  nowMs: number,
): CoordinatorState {
  const { step, optimizerSteps, slots, digest, part, parts } = message;
  const { snapshot } = state;
  if (snapshot?.peer !== worker.peer || snapshot.step !== step || snapshot.about !== null) {
    reject(out, worker, 'not-asked-for', `snapshot of step ${step}`);
    return catchUp(state, out, worker, { step, digest }, nowMs);
  }
  if (part !== snapshot.parts.length || parts !== state.settings.replicaParts) {
    reject(out, worker, 'wrong-size', `part ${part} of ${parts} of a snapshot`);
    return breach(state, out, worker, 'a snapshot in the wrong parts', nowMs);
  }
  const collected = [...snapshot.parts, payload];
  const about = collected.length === parts ? { step, optimizerSteps, slots, digest } : null;
  return rewind({ ...state, snapshot: { ...snapshot, parts: collected, about } }, worker.peer, nowMs);
}

/** Uses a snapshot that is whole and whose weights are known to be right. */
export function useSnapshot(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { snapshot } = state;
  const about = snapshot?.about ?? null;
  if (snapshot === null || about === null) return state;
  const isOpen = [...state.commits].some(
    ([step, commit]) => step < about.step && (commit.digest || commit.waiting.size > 0),
  );
  if (isOpen) return state;
  const agreed = state.agreed.get(about.step);
  const without = { ...state, snapshot: null };
  if (agreed !== undefined && agreed !== about.digest) {
    const why = `shipped other weights than those agreed on (digest ${about.digest}, not ${agreed})`;
    // To be asked of another: the checkpoint of this step is still owed.
    return { ...estrange(without, out, snapshot.peer, why, nowMs), checkpointedStep: -1 };
  }
  return putToUse(without, out, snapshot, { ...about, parts: snapshot.parts });
}

function putToUse(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { step }: SnapshotRequest,
  replica: ReplicaParts,
): CoordinatorState {
  let next = state;
  const { parts: _, ...about } = replica;
  if (next.phase.name === 'levelling' && step === next.step) {
    out.push({ type: 'hold-replica', replica });
    next = { ...next, replica: about };
  }
  if (next.phase.name === 'saving') next = { ...next, checkpointedStep: step, phase: { name: 'boundary' } };
  if (step === next.checkpointedStep) out.push({ type: 'checkpoint', replica });
  return next;
}
