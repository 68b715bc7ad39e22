/**
 * The validation loss: batches of held-out windows are dealt to the ready workers, a few at a time, and summed in
 * batch order.
 */
import { LIMITS } from '@lockstep/config';
import type { WorkerMessage } from '../messages.js';
import type { CoordinatorAction } from './events.js';
import { envelope, reject, report, send } from './sending.js';
import { readyWorkers } from './state.js';
import type { Assignment, CoordinatorState, WorkerRecord } from './state.js';
import { meanLoss } from './step.js';

type Evaluated = Extract<WorkerMessage, { type: 'evaluated' }>;

/** Due at the end of an epoch and at the end of the run, once. */
export function evaluationIsDue(state: CoordinatorState): boolean {
  const { evaluationRows, stepsPerEpoch, totalSteps } = state.settings;
  if (evaluationRows.length === 0 || state.evaluatedStep === state.step) return false;
  return state.step % stepsPerEpoch === 0 || state.step === totalSteps;
}

export function beginEvaluation(state: CoordinatorState): CoordinatorState {
  return {
    ...state,
    evaluation: state.evaluation + 1,
    phase: { name: 'evaluating', outstanding: new Map(), results: new Map() },
  };
}

/** Keeps every ready worker busy with batches that nobody has; finishes when all are summed. */
export function continueEvaluation(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { phase, settings } = state;
  if (phase.name !== 'evaluating') return state;
  if (phase.results.size === settings.evaluationRows.length) {
    report(out, { type: 'validation', step: state.step, ...meanLoss(phase.results) });
    return { ...state, evaluatedStep: state.step, phase: { name: 'boundary' } };
  }
  const outstanding = new Map<number, Assignment>();
  for (const [index, assignment] of phase.outstanding) {
    if (state.workers.has(assignment.peer)) outstanding.set(index, assignment);
  }
  const loads = new Map<string, number>();
  for (const { peer } of outstanding.values()) loads.set(peer, (loads.get(peer) ?? 0) + 1);
  // One entry for each batch that a ready worker still has room for.
  const free = readyWorkers(state).flatMap(({ peer }) =>
    Array.from({ length: LIMITS.evaluationsPerWorker - (loads.get(peer) ?? 0) }, () => peer),
  );
  for (let index = 0; index < settings.evaluationRows.length && free.length > 0; index += 1) {
    const rows = settings.evaluationRows[index];
    if (rows === undefined || phase.results.has(index) || outstanding.has(index)) continue;
    const peer = free.shift() ?? '';
    outstanding.set(index, { peer, attempt: 0, sinceMs: nowMs });
    const message = { type: 'evaluate', ...envelope(state), evaluation: state.evaluation, index, rows } as const;
    send(out, peer, message, { kind: 'evaluation', index });
  }
  return { ...state, phase: { ...phase, outstanding } };
}

export function onEvaluated(
  state: CoordinatorState,
  out: CoordinatorAction[],
  worker: WorkerRecord,
  message: Evaluated,
): CoordinatorState {
  const { phase } = state;
  const wanted =
    phase.name === 'evaluating' &&
    message.evaluation === state.evaluation &&
    phase.outstanding.get(message.index)?.peer === worker.peer;
  if (!wanted) {
    reject(out, worker, 'not-asked-for', `validation batch ${message.index}`);
    return state;
  }
  const outstanding = new Map(phase.outstanding);
  outstanding.delete(message.index);
  const { lossSum, characters } = message;
  const results = new Map(phase.results).set(message.index, { lossSum, characters });
  return { ...state, phase: { ...phase, outstanding, results } };
}
