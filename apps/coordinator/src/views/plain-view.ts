/** Plain lines for logs and pipes: what happened, and every few seconds how far the run is. */
import type { RunEvent, RunView } from '../train/events.js';
import { eventLines } from './event-lines.js';
import { formatCount, formatLoss, formatSeconds } from './format.js';
import { sampleLines, startLines, summaryLines, workerLine } from './messages.js';

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
      case 'checkpoint':
        return event.step === 0 ? [] : [`checkpoint ${event.path}`];
      case 'sample':
        return event.isLast ? sampleLines(event) : [];
      case 'summary':
        return summaryLines(event);
      case 'assigned':
      case 'answered':
        return [];
      default:
        return eventLines(event);
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
