/** The lines of events that look the same wherever they are shown: on a terminal, in a pipe, in a log. */
import type { RunEvent } from '../train/events.js';
import { failureLines } from './failure-lines.js';
import {
  coordinatorLines,
  isOrdinary,
  lateLine,
  planLine,
  quarantinedLine,
  recoveredLine,
  rejectedLine,
  topologyLine,
  validationLine,
} from './messages.js';
import { printable } from './printable.js';

/** Of those the views have ways of their own. */
type OwnWay = 'start' | 'worker' | 'assigned' | 'answered' | 'step' | 'checkpoint' | 'sample' | 'summary';

type PlainEvent = Exclude<RunEvent, { event: OwnWay }>;

/** None for what is ordinary, or told elsewhere. */
export function eventLines(event: PlainEvent): readonly string[] {
  switch (event.event) {
    case 'validation':
      return [validationLine(event)];
    case 'rejected':
      return isOrdinary(event) ? [] : [rejectedLine(event)];
    case 'late':
      return [lateLine(event)];
    case 'recovered':
      return [recoveredLine(event)];
    case 'topology':
      return [topologyLine(event)];
    case 'plan':
      return [planLine(event)];
    case 'quarantined':
      return [quarantinedLine(event)];
    case 'coordinator':
      return coordinatorLines(event);
    case 'failure':
      return failureLines(event);
    case 'notice':
      return [printable(event.text)];
    case 'mismatch':
    case 'warning':
      return [`warning: ${printable(event.text)}`];
    // Standard error says it.
    case 'failed':
      return [];
  }
}
