/**
 * Ctrl-C, SIGTERM, a terminal that is closed, an output that nobody reads any more. Each asks the run to finish its
 * step, take a checkpoint and end well; only a second Ctrl-C ends everything at once. A terminal sends
 * Ctrl-C to the whole process group and `npm` passes it on once more, so signals that come together count as one.
 */
import type { RunView } from '../train/events.js';

const SAME_KEYSTROKE_MS = 200;

export class StopSignals {
  readonly #view: RunView;
  readonly #stopWell: () => void;
  readonly #leaveAtOnce: () => void;
  readonly #onSignal = (): void => this.#signalled();
  readonly #onGone = (): void => this.#stop();
  #firstAtMs: number | undefined;

  constructor(view: RunView, stopWell: () => void, leaveAtOnce: () => void) {
    this.#view = view;
    this.#stopWell = stopWell;
    this.#leaveAtOnce = leaveAtOnce;
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onGone);
    process.on('SIGHUP', this.#onGone);
    process.stdout.on('error', this.#onGone);
  }

  /** Hands the signals back. */
  release(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onGone);
    process.off('SIGHUP', this.#onGone);
    process.stdout.off('error', this.#onGone);
  }

  #signalled(): void {
    if (this.#firstAtMs === undefined) return this.#stop();
    if (performance.now() - this.#firstAtMs < SAME_KEYSTROKE_MS) return;
    this.#leaveAtOnce();
  }

  #stop(): void {
    if (this.#firstAtMs !== undefined) return;
    this.#firstAtMs = performance.now();
    const text = 'stopping after this step, with a checkpoint; Ctrl-C again leaves at once';
    this.#view.show({ event: 'notice', text });
    this.#stopWell();
  }
}
