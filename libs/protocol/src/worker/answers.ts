/**
 * What the compute side has finished becomes a message; a result that belongs to a conversation that was begun anew
 * is dropped.
 */
import { invariant } from '@lockstep/config';
import type { WorkerMessage } from '../messages.js';
import type { ComputeResult, WorkerAction } from './events.js';
import type { WorkerState } from './state.js';

export function onComputed(state: WorkerState, out: WorkerAction[], result: ComputeResult): WorkerState {
  const { envelope } = state;
  invariant(envelope !== null, 'computed before being welcomed');
  if (state.phase === 'greeting') return state;
  const say = (message: WorkerMessage, payload: readonly Uint8Array[] = []): void => {
    out.push({ type: 'send', message, payload });
  };
  switch (result.type) {
    case 'prepared':
      say({ ...envelope, ...result, type: 'ready' });
      return { ...state, phase: 'unsynced' };
    case 'loaded':
      say({ ...envelope, ...result, type: 'synced' });
      return { ...state, phase: 'synced' };
    case 'sampled':
    case 'gradient': {
      const { payload, ...header } = result;
      say({ ...envelope, ...header }, [payload]);
      return state;
    }
    case 'snapshot': {
      const { payload, ...header } = result;
      say({ ...envelope, ...header }, payload);
      return state;
    }
    case 'applied':
    case 'evaluated':
      say({ ...envelope, ...result });
      return state;
  }
}
