/**
 * What the compute side has finished becomes a message; a result that belongs to a conversation that is over is
 * dropped, for the coordinator has forgotten that it asked.
 */
import { LIMITS, invariant } from '@lockstep/config';
import type { Activity } from '../messages.js';
import type { ComputeResult, ComputeTask, WorkerAction } from './events.js';
import { hold } from './exchanging.js';
import { say } from './saying.js';
import { isWelcomed } from './state.js';
import type { WorkerState } from './state.js';

const ACTIVITIES: Readonly<Record<ComputeTask['type'], Activity>> = {
  prepare: 'preparing',
  load: 'loading',
  gradient: 'computing',
  apply: 'applying',
  snapshot: 'snapshot',
  evaluate: 'evaluating',
  sample: 'sampling',
};

/** What the compute side is at: the oldest task without an answer; else what the driver is at. */
export function activityOf({ tasks: [oldest], exchange }: WorkerState): Activity {
  if (oldest !== undefined) return ACTIVITIES[oldest];
  return exchange === null ? 'idle' : 'exchanging';
}

export function onComputed(
  before: WorkerState,
  out: WorkerAction[],
  conversation: number,
  result: ComputeResult,
): WorkerState {
  const state: WorkerState = { ...before, tasks: before.tasks.slice(1) };
  if (conversation !== state.conversation || !isWelcomed(state)) return state;
  const { envelope } = state;
  invariant(envelope !== null, 'computed before being welcomed');
  switch (result.type) {
    case 'prepared': {
      invariant((result.replica?.step ?? null) === state.step, 'the replica is not where it was sent');
      const { records, endpoint, sharing } = state;
      return {
        ...say(state, out, { ...envelope, ...result, type: 'ready', endpoint, sharing, records }),
        phase: 'unsynced',
      };
    }
    case 'loaded':
      return { ...say(state, out, { ...envelope, ...result, type: 'synced' }), phase: 'synced' };
    case 'gradient': {
      if (result.held !== null) return hold(state, out, result);
      const { payload, ...header } = result;
      return say(state, out, { ...envelope, ...header }, [payload]);
    }
    case 'sampled': {
      const { payload, ...header } = result;
      return say(state, out, { ...envelope, ...header }, [payload]);
    }
    case 'applied':
      return { ...say(state, out, { ...envelope, ...result }), breaches: 0 };
    case 'evaluated':
      return say(state, out, { ...envelope, ...result });
    case 'snapshot':
      return saySnapshot(state, out, envelope, result);
  }
}

/** In parts, so that a heartbeat never waits for a whole replica. */
function saySnapshot(
  state: WorkerState,
  out: WorkerAction[],
  envelope: NonNullable<WorkerState['envelope']>,
  { payload, ...header }: Extract<ComputeResult, { type: 'snapshot' }>,
): WorkerState {
  const parts = Math.max(1, Math.ceil(payload.byteLength / LIMITS.replicaPartBytes));
  let said = state;
  for (let part = 0; part < parts; part += 1) {
    const start = part * LIMITS.replicaPartBytes;
    const bytes = payload.subarray(start, start + LIMITS.replicaPartBytes);
    said = say(said, out, { ...envelope, ...header, part, parts }, [bytes]);
  }
  return said;
}
