/**
 * The one question that is asked after every event: can the run go on from here, and to what? Because it is always
 * the whole question, no event (a gradient, a join, a loss, a timeout) can be the one that forgot to ask it.
 */
import { LIMITS } from '@lockstep/config';
import { mayJoin, serveReplicas } from './admission.js';
import { judgeAnswers } from './answers.js';
import { checkpointIsDue, requestSnapshot, useSnapshot } from './checkpointing.js';
import { settleCommits } from './commit.js';
import { dealShards } from './dealing.js';
import { endPoisoned } from './departure.js';
import { everybodyDrains, releaseDrained } from './draining.js';
import { beginEvaluation, continueEvaluation, evaluationIsDue } from './evaluation.js';
import type { CoordinatorAction } from './events.js';
import { beginExchange, continueExchange } from './exchanging.js';
import { beginRecovery, isSomebodyAwaited, recover } from './recovery.js';
import { changePlan } from './replanning.js';
import { requestSample, sampleIsDue } from './sampling.js';
import { end } from './sending.js';
import { askForGradients, reopenLost } from './shipping.js';
import { readyWorkers } from './state.js';
import type { CoordinatorState, Phase } from './state.js';
import { beginStep, reduceWhenFull } from './step.js';
import { chooseTopology } from './topology.js';

/** Moves on as far as the state allows. */
export function advance(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.phase.name === 'ended') return state;
  let current = endPoisoned(state, out, nowMs);
  if (current.phase.name === 'ended') return current;
  for (;;) {
    const next = advanceOnce(prepared(current, out, nowMs), out, nowMs);
    // Handlers may replace a phase by an equal one; only another name, or a boundary to decide, is progress.
    if (next.phase.name === current.phase.name && next.phase.name !== 'boundary') return next;
    current = next;
  }
}

/** What may have become possible whatever the phase. */
function prepared(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  return releaseDrained(useSnapshot(settleCommits(state, out, nowMs), out, nowMs), out, nowMs);
}

function advanceOnce(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (needsReplica(state.phase) && readyWorkers(state).length === 0) return allReplicasLost(state, out, nowMs);
  switch (state.phase.name) {
    case 'gathering':
      return gather(state, out, nowMs);
    case 'recovering':
      return recoverOrEnd(state, out, nowMs);
    case 'boundary':
      return decide(state, out, nowMs);
    case 'computing':
      return compute(state, out, nowMs);
    case 'exchanging':
      return continueExchange(state, out, nowMs);
    case 'levelling':
      return level(state, out, nowMs);
    case 'evaluating':
      return state.stopRequested ? toBoundary(state) : continueEvaluation(state, out, nowMs);
    case 'settling':
      return mustSettle(state, nowMs) ? state : toBoundary(state);
    case 'saving':
      return requestSnapshot(state, out, nowMs);
    case 'sampling': {
      const goesOn = state.workers.has(state.phase.peer) && !state.stopRequested;
      return goesOn ? state : toBoundary(state);
    }
    case 'replanning':
    case 'reducing':
    case 'ended':
      return state;
  }
}

function toBoundary(state: CoordinatorState): CoordinatorState {
  return { ...state, phase: { name: 'boundary' } };
}

/** Phases in which somebody must hold the weights of the current step. */
function needsReplica({ name }: Phase): boolean {
  return !['gathering', 'recovering', 'reducing', 'replanning', 'ended'].includes(name);
}

function compute(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const judged = reopenLost(judgeAnswers(state, out, nowMs));
  if (judged.phase.name !== 'computing' || readyWorkers(judged).length === 0) return judged;
  if (judged.phase.mesh && judged.phase.open.size === 0) return beginExchange(judged, out, nowMs);
  // What is held has waited longer than what is dealt now: it takes the room first.
  return reduceWhenFull(dealShards(askForGradients(judged, out, nowMs), out, nowMs), out);
}

function isClosing({ stopRequested, step, settings }: CoordinatorState): boolean {
  return stopRequested || step >= settings.totalSteps;
}

/** The checkpoint of this step is not only asked for, it has come. */
function isSaved(state: CoordinatorState): boolean {
  return state.checkpointedStep === state.step && state.snapshot?.step !== state.step;
}

/** Nobody holds the weights of the current step any more. */
function allReplicasLost(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (isSaved(state) && state.commits.size === 0) {
    if (state.step >= state.settings.totalSteps) return end(state, out, 'done');
    if (state.stopRequested) return end(state, out, 'stopped');
  }
  if (state.replica?.step !== state.step) return beginRecovery(state, nowMs);
  return { ...state, phase: { name: 'gathering', sinceMs: nowMs, needed: 1 } };
}

/** Asked to stop with nobody there or expected back, a run ends where its journal and its last checkpoint are. */
function recoverOrEnd(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const isDeserted = state.workers.size === 0 && !isSomebodyAwaited(state, nowMs);
  if (state.stopRequested && isDeserted) return end(state, out, 'stopped');
  return recover(state, out, nowMs);
}

function gather(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (state.phase.name !== 'gathering') return state;
  if (state.stopRequested) return end(state, out, 'stopped');
  const served = serveReplicas(state, out, nowMs);
  return readyWorkers(served).length >= state.phase.needed ? toBoundary(served) : served;
}

/** Joiners get the replica of this step; the step begins when nobody is on the way any more. */
function level(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  if (!somebodyJoins(state, nowMs) && !everybodyDrains(state)) return toBoundary(state);
  if (state.replica?.step !== state.step) return requestSnapshot(state, out, nowMs);
  return serveReplicas(state, out, nowMs);
}

function somebodyJoins(state: CoordinatorState, nowMs: number): boolean {
  return [...state.workers.values()].some((worker) => mayJoin(worker, nowMs) || worker.status === 'syncing');
}

/** Whether updates have to be applied, or lines written, before anything else. */
function mustSettle(state: CoordinatorState, nowMs: number): boolean {
  if (state.commits.size + state.committed - state.durable >= LIMITS.unjournalledSteps) return true;
  const isWaited = [...state.commits.values()].some(({ waiting }) => waiting.size > 0);
  if (isClosing(state)) return state.commits.size > 0;
  return isWaited && (somebodyJoins(state, nowMs) || everybodyDrains(state));
}

/** What comes after a finished step, in this order. */
function decide(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const closing = isClosing(state);
  if (mustSettle(state, nowMs)) return { ...state, phase: { name: 'settling' } };
  // Asked for on the way, and not there yet: the end waits for it.
  if (closing && state.snapshot?.step === state.step) return { ...state, phase: { name: 'saving' } };
  if (checkpointIsDue(state, closing, nowMs)) {
    if (closing) return { ...state, phase: { name: 'saving' } };
    const asked = requestSnapshot(state, out, nowMs);
    return { ...asked, checkpointedStep: state.step, checkpointedAtMs: nowMs };
  }
  if (!state.stopRequested && evaluationIsDue(state)) return beginEvaluation(state);
  if (!state.stopRequested && sampleIsDue(state, nowMs)) return requestSample(state, out, nowMs);
  if (closing) return end(state, out, state.step < state.settings.totalSteps ? 'stopped' : 'done');
  const replanned = changePlan(state, out);
  if (replanned !== null) return replanned;
  if (everybodyDrains(state)) {
    // Their weights are kept here and on the disk until somebody comes.
    return { ...state, checkpointedStep: state.step, phase: { name: 'levelling', sinceMs: nowMs } };
  }
  if (somebodyJoins(state, nowMs)) return { ...state, phase: { name: 'levelling', sinceMs: nowMs } };
  return beginStep(chooseTopology(state, out), out, nowMs);
}
