/** One JSON object a line on standard output, for programs. */
import type { RunEvent, RunView } from '../train/events.js';

export class JsonView implements RunView {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(event: RunEvent): void {
    // Who computes what changes several times a step and is only of use to someone who watches.
    if (event.event === 'assigned' || event.event === 'answered') return;
    this.#write(JSON.stringify(event));
  }

  close(): void {
    // Lines are written as they come: nothing to give back.
  }
}
