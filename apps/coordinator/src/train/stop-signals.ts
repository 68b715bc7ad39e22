/**
 * Ctrl-C and SIGTERM. The first asks the run to finish its step, take a checkpoint and end well; a second Ctrl-C
 * ends everything at once. A terminal sends the signal to the whole process group and `npm` passes it on once more,
 * so signals that come together count as one.
 */
import { EXIT_CODES } from '@lockstep/config';
import type { RunView } from './events.js';

const SAME_KEYSTROKE_MS = 500;

export class StopSignals {
  readonly #onSignal: () => void;
  #firstAtMs: number | undefined;

  constructor(view: RunView, stopWell: () => void, killAll: () => void) {
    this.#onSignal = () => {
      const now = performance.now();
      if (this.#firstAtMs === undefined) {
        this.#firstAtMs = now;
        view.show({
          event: 'notice',
          text: 'stopping after this step, with a checkpoint; Ctrl-C again leaves at once',
        });
        stopWell();
        return;
      }
      if (now - this.#firstAtMs < SAME_KEYSTROKE_MS) return;
      killAll();
      view.close();
      process.exit(EXIT_CODES.retry);
    };
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  /** Hands the signals back. */
  release(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
