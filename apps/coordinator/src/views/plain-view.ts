/** Plain lines for logs and pipes: what happened, and every few seconds how far the run is. */
import type { RunEvent, RunView } from '../train/events.js';
import { failureLines } from './failure-lines.js';
import { formatCount, formatLoss, formatSeconds } from './format.js';
import {
  coordinatorLines,
  isOrdinary,
  lateLine,
  planLine,
  quarantinedLine,
  recoveredLine,
  rejectedLine,
  sampleLines,
  startLines,
  summaryLines,
  topologyLine,
  validationLine,
  workerLine,
} from './messages.js';
import { printable } from './printable.js';

const PROGRESS_EVERY_MS = 5_000;

export class PlainView implements RunView {
  readonly #write: (line: string) => void;
  #totalSteps = 0;
  #shownAtMs = -Infinity;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(event: RunEvent): void {
    for (const line of this.#lines(event)) this.#write(line);
  }

  close(): void {
    // Lines are written as they come: nothing to give back.
  }

  #lines(event: RunEvent): readonly string[] {
    switch (event.event) {
      case 'start':
        this.#totalSteps = event.totalSteps;
        return startLines(event);
      case 'worker':
        return [workerLine(event)];
      case 'step':
        return this.#progress(event);
      case 'validation':
        return [validationLine(event)];
      case 'checkpoint':
        return event.step === 0 ? [] : [`checkpoint ${event.path}`];
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
      case 'sample':
        return sampleLines(event);
      case 'summary':
        return summaryLines(event);
      case 'assigned':
      case 'answered':
      // Standard error says it.
      case 'failed':
        return [];
    }
  }

  #progress(event: Extract<RunEvent, { event: 'step' }>): readonly string[] {
    const done = event.step;
    const now = performance.now();
    if (now - this.#shownAtMs < PROGRESS_EVERY_MS && done !== this.#totalSteps) return [];
    this.#shownAtMs = now;
    const rate = event.charactersPerSecond;
    const left = rate === 0 ? '' : `, ${formatSeconds(((this.#totalSteps - done) * event.characters) / rate)} left`;
    return [
      `step ${formatCount(done)} of ${formatCount(this.#totalSteps)}, epoch ${event.epoch + 1}: ` +
        `loss ${formatLoss(event.loss)}, ${formatCount(rate)} characters a second${left}`,
    ];
  }
}
