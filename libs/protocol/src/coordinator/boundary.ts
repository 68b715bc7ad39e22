/**
 * The one question that is asked after every event: can the run go on from here, and to what? Because it is always
 * the whole question, no event (a gradient, a join, a loss, a timeout) can be the one that forgot to ask it.
 */
import { serveReplicas } from './admission.js';
import { settleCommits } from './commit.js';
import { beginEvaluation, continueEvaluation, evaluationIsDue } from './evaluation.js';
import type { CoordinatorAction } from './events.js';
import { end, envelope, report, send } from './sending.js';
import { readyWorkers } from './state.js';
import type { CoordinatorState, Phase } from './state.js';
import { beginStep, dealShards, reduceWhenFull } from './step.js';

/** Moves on as far as the state allows. */
export function advance(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  let current = settleCommits(state, out);
  for (;;) {
    const next = advanceOnce(current, out, nowMs);
    // Handlers may replace a phase by an equal one; only another name, or a boundary to decide, is progress.
    if (next.phase.name === current.phase.name && next.phase.name !== 'boundary') return next;
    current = next;
  }
}

function advanceOnce(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (needsReplica(state.phase) && readyWorkers(state).length === 0) return allReplicasLost(state, out, nowMs);
  switch (state.phase.name) {
    case 'gathering':
      return gather(state, out, nowMs);
    case 'boundary':
      return decide(state, out, nowMs);
    case 'computing':
      return reduceWhenFull(dealShards(state, out, nowMs), out);
    case 'levelling':
      return level(state, out, nowMs);
    case 'evaluating':
      return state.stopRequested ? { ...state, phase: { name: 'boundary' } } : continueEvaluation(state, out, nowMs);
    case 'settling':
      return state.commits.size === 0 ? { ...state, phase: { name: 'boundary' } } : state;
    case 'saving':
      return requestSnapshot(state, out, nowMs);
    case 'sampling': {
      const goesOn = state.workers.has(state.phase.peer) && !state.stopRequested;
      return goesOn ? state : { ...state, phase: { name: 'boundary' } };
    }
    case 'reducing':
    case 'ended':
      return state;
  }
}

function needsReplica(phase: Phase): boolean {
  return phase.name !== 'gathering' && phase.name !== 'ended' && phase.name !== 'reducing';
}

/** The checkpoint of this step is not only asked for, it has come. */
function isSaved(state: CoordinatorState): boolean {
  return state.checkpointedStep === state.step && state.snapshot?.step !== state.step;
}

/** Nobody holds the weights of the current step any more. */
function allReplicasLost(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (isSaved(state) && state.step >= state.settings.totalSteps) return end(state, out, 'done');
  if (isSaved(state) && state.stopRequested) return end(state, out, 'stopped');
  if (state.replica?.step === state.step) return { ...state, phase: { name: 'gathering', sinceMs: nowMs } };
  const cause = state.firstFailure === null ? '' : `, the first by: ${state.firstFailure.what}`;
  return end(state, out, {
    kind: state.firstFailure?.kind ?? 'retry',
    what: `all workers are lost at step ${state.step}${cause}`,
    hint: 'start again from the last checkpoint with --init-from',
  });
}

function gather(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.stopRequested && isSaved(state)) return end(state, out, 'stopped');
  const served = serveReplicas(state, out, nowMs);
  // Only the start waits for company; later one worker that holds the weights is enough to go on.
  const needed = state.step === 0 ? served.settings.minWorkers : 1;
  const enough = readyWorkers(served).length >= needed;
  return enough ? { ...served, phase: { name: 'boundary' } } : served;
}

/** Joiners get the replica of this step; the step begins when nobody is on the way any more. */
function level(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (!somebodyJoins(state)) return { ...state, phase: { name: 'boundary' } };
  if (state.replica?.step !== state.step) return requestSnapshot(state, out, nowMs);
  return serveReplicas(state, out, nowMs);
}

function somebodyJoins(state: CoordinatorState): boolean {
  return [...state.workers.values()].some((worker) => worker.status === 'waiting' || worker.status === 'syncing');
}

function checkpointIsDue(state: CoordinatorState, closing: boolean): boolean {
  const leadLost = state.snapshot !== null && !state.workers.has(state.snapshot.peer);
  if (leadLost) return true;
  if (state.checkpointedStep === state.step) return false;
  const { checkpointEvery } = state.settings;
  return closing || (checkpointEvery !== null && state.step % checkpointEvery === 0);
}

/** What comes after a finished step, in this order. */
function decide(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { settings } = state;
  const closing = state.stopRequested || state.step >= settings.totalSteps;
  if (closing && state.commits.size > 0) return { ...state, phase: { name: 'settling' } };
  // Asked for on the way, and not there yet: the end waits for it.
  if (closing && state.snapshot?.step === state.step) return { ...state, phase: { name: 'saving' } };
  if (checkpointIsDue(state, closing)) {
    if (closing) return { ...state, phase: { name: 'saving' } };
    // Between two steps the lead answers while all go on: its queue is worked off in order.
    return decide({ ...requestSnapshot(state, out, nowMs), checkpointedStep: state.step }, out, nowMs);
  }
  if (!state.stopRequested && evaluationIsDue(state)) return beginEvaluation(state);
  if (closing) {
    const sampling = !state.stopRequested && settings.sample !== null && !state.sampled;
    return sampling
      ? requestSample(state, out, nowMs)
      : end(state, out, state.step < settings.totalSteps ? 'stopped' : 'done');
  }
  if (somebodyJoins(state)) return { ...state, phase: { name: 'levelling', sinceMs: nowMs } };
  return beginStep(state, out, nowMs);
}

/** Asks the lead, the ready worker with the lowest slot, for its replica; asks again when the lead is lost. */
function requestSnapshot(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const asked = state.snapshot !== null && state.snapshot.step === state.step && state.workers.has(state.snapshot.peer);
  const lead = readyWorkers(state)[0];
  if (asked || lead === undefined) return state;
  send(out, lead.peer, { type: 'snapshot-request', ...envelope(state), step: state.step });
  return { ...state, snapshot: { step: state.step, peer: lead.peer, sinceMs: nowMs } };
}

function requestSample(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { sample } = state.settings;
  const lead = readyWorkers(state)[0];
  if (sample === null || lead === undefined) return { ...state, sampled: true };
  const { prime, length, temperature, seed } = sample;
  send(out, lead.peer, { type: 'sample', ...envelope(state), prime, length, temperature, seed });
  return { ...state, phase: { name: 'sampling', peer: lead.peer, sinceMs: nowMs } };
}

/** A snapshot has come: keep it for joiners, write it as a checkpoint, or both. */
export function onSnapshot(
  state: CoordinatorState,
  out: CoordinatorAction[],
  peer: string,
  snapshot: { step: number; optimizerSteps: number; slots: readonly string[]; digest: string },
  payload: readonly Uint8Array[],
): CoordinatorState {
  const { step, optimizerSteps, slots, digest } = snapshot;
  if (state.snapshot?.peer !== peer || state.snapshot.step !== step) {
    report(out, { type: 'rejected', slot: null, reason: 'a snapshot that was not asked for' });
    return state;
  }
  const parts = { step, optimizerSteps, slots, payload };
  let next: CoordinatorState = { ...state, snapshot: null };
  if (next.phase.name === 'levelling' && step === next.step) {
    out.push({ type: 'hold-replica', snapshot: parts });
    next = { ...next, replica: { step, digest } };
  }
  if (next.phase.name === 'saving') {
    out.push({ type: 'checkpoint', snapshot: parts });
    return { ...next, checkpointedStep: step, phase: { name: 'boundary' } };
  }
  if (step === next.checkpointedStep) out.push({ type: 'checkpoint', snapshot: parts });
  return next;
}
