/**
 * Where all that happens in a run comes together, in the process that leads it: its own events, which the supervisor
 * shows, and what the supervisor sees of processes. Whoever keeps, counts or serves them listens here.
 */
import type { RunEvent, RunView } from '../train/events.js';

type Listener = (event: RunEvent) => void;

export class EventHub implements RunView {
  readonly #shown: RunView;
  readonly #listeners: Listener[] = [];

  /** @param shown the view of the supervisor, which has its own events already */
  constructor(shown: RunView) {
    this.#shown = shown;
  }

  /** Listeners must not throw. */
  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** An event of this process. */
  show(event: RunEvent): void {
    this.#shown.show(event);
    this.told(event);
  }

  /** An event of the supervisor. */
  told(event: RunEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  close(): void {
    this.#shown.close();
  }
}
