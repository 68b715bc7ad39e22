/** The failure that ended a run, as an event. */
import { toLockstepError } from '@lockstep/config';
import type { RunEvent } from './events.js';

export function failedEvent(thrown: unknown): RunEvent {
  const { kind, exitCode, message, hint } = toLockstepError(thrown);
  return { event: 'failed', kind, exitCode, detail: message, hint };
}
