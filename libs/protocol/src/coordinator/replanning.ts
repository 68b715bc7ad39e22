/**
 * Another number of shards, from the next step boundary on. The line of the new plan is on the disk before the first
 * step that uses it, so that the run can be computed again from its journal.
 */
import { planShards } from '@lockstep/data';
import type { CoordinatorAction } from './events.js';
import { report } from './sending.js';
import type { Plan } from './settings.js';
import { isReplaying, shardsAt } from './state.js';
import type { CoordinatorState } from './state.js';

export function requestPlan(
  state: CoordinatorState,
  out: CoordinatorAction[],
  id: number,
  shards: number,
): CoordinatorState {
  const { batchSize } = state.settings;
  const refuse = (text: string): CoordinatorState => {
    out.push({ type: 'reply', id, ok: false, text });
    return state;
  };
  if (shards < 1 || shards > batchSize)
    return refuse(`a batch of ${batchSize} sequences makes 1 to ${batchSize} shards`);
  if (state.planRequest !== null) return refuse('another change of plan is on its way; try again');
  return { ...state, planRequest: { id, shards } };
}

/** Writes the plan that was asked for, unless it is the one in force, or steps are only being computed again. */
export function changePlan(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState | null {
  const { planRequest, settings, step } = state;
  if (planRequest === null || isReplaying(state)) return null;
  if (shardsAt(state.plans, step).length === planRequest.shards) {
    out.push({
      type: 'reply',
      id: planRequest.id,
      ok: true,
      text: `the batch is cut into ${planRequest.shards} shards`,
    });
    return { ...state, planRequest: null };
  }
  const plan = { fromStep: step, shards: planShards(settings.batchSize, planRequest.shards) };
  out.push({ type: 'journal-plan', plan });
  return { ...state, phase: { name: 'replanning' } };
}

export function onPlanJournalled(state: CoordinatorState, out: CoordinatorAction[], plan: Plan): CoordinatorState {
  // Written while making the journal whole: in force already.
  if (state.plans.includes(plan)) return state;
  const { planRequest } = state;
  const { fromStep } = plan;
  const count = plan.shards.length;
  if (planRequest !== null) {
    const text = `from step ${fromStep + 1} on the batch is cut into ${count} shards`;
    out.push({ type: 'reply', id: planRequest.id, ok: true, text });
  }
  report(out, { type: 'plan', fromStep, shards: count });
  const next = { ...state, plans: [...state.plans, plan], planRequest: null };
  return next.phase.name === 'replanning' ? { ...next, phase: { name: 'boundary' } } : next;
}
