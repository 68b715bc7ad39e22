/** A text that the model writes, for people to see how far it is: now and then, and at the end of the run. */
import type { CoordinatorAction } from './events.js';
import { takers } from './dealing.js';
import { envelope, report, send } from './sending.js';
import type { CoordinatorState, WorkerRecord } from './state.js';

/** Due at the end of a run that has made all its steps, and as often as was asked for; once at any step. */
export function sampleIsDue(state: CoordinatorState, nowMs: number): boolean {
  const { settings, step, sampledStep, sampledAtMs } = state;
  if (settings.sample === null || sampledStep === step) return false;
  if (step >= settings.totalSteps) return true;
  const { every } = settings.sample;
  if (every === null || step === 0) return false;
  return 'steps' in every ? step % every.steps === 0 : nowMs - sampledAtMs >= every.ms;
}

export function requestSample(state: CoordinatorState, out: CoordinatorAction[], nowMs: number): CoordinatorState {
  const { sample, totalSteps } = state.settings;
  const lead = takers(state)[0];
  if (sample === null || lead === undefined) return { ...state, sampledStep: state.step };
  const { prime, length, temperature, seed } = sample;
  send(out, lead.peer, { type: 'sample', ...envelope(state), prime, length, temperature, seed });
  // With steps still to make it is asked for once: a text that no worker survives must not end the run.
  const sampledStep = state.step < totalSteps ? state.step : state.sampledStep;
  return { ...state, sampledStep, sampledAtMs: nowMs, phase: { name: 'sampling', peer: lead.peer, sinceMs: nowMs } };
}

export function onSampled(
  state: CoordinatorState,
  out: CoordinatorAction[],
  { peer }: WorkerRecord,
  payload: Uint8Array,
): CoordinatorState {
  if (state.phase.name !== 'sampling' || state.phase.peer !== peer) return state;
  report(out, { type: 'sample', step: state.step, payload });
  return { ...state, sampledStep: state.step, phase: { name: 'boundary' } };
}
