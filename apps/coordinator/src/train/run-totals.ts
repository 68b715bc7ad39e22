/**
 * Running totals over the committed steps of a run, for its summary and for the eye. Rebuilt from the journal when a
 * run is taken up again, so that its summary is that of the run without the interruption.
 */

/** Steps over which the shown rate is averaged: long enough to be steady, short enough to follow a change. */
const RATE_WINDOW_STEPS = 20;

/** What counts of a step. */
export interface CountedStep {
  readonly epoch: number;
  /** Mean cross-entropy, nats a character. */
  readonly loss: number;
  readonly characters: number;
  readonly seconds: number;
}

interface EpochTotal {
  lossSum: number;
  characters: number;
}

export class RunTotals {
  readonly #epochs: EpochTotal[] = [];
  readonly #recent: CountedStep[] = [];
  #characters = 0;
  #computingSeconds = 0;

  count(step: CountedStep): void {
    this.#characters += step.characters;
    this.#computingSeconds += step.seconds;
    this.#recent.push(step);
    if (this.#recent.length > RATE_WINDOW_STEPS) this.#recent.shift();
    const total = (this.#epochs[step.epoch] ??= { lossSum: 0, characters: 0 });
    total.lossSum += step.loss * step.characters;
    total.characters += step.characters;
  }

  get characters(): number {
    return this.#characters;
  }

  /** Characters a second over all steps, without start-up. */
  get overallRate(): number {
    return this.#computingSeconds === 0 ? 0 : this.#characters / this.#computingSeconds;
  }

  /** Characters a second over the latest steps. */
  get recentRate(): number {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return seconds === 0 ? 0 : this.#recent.reduce((sum, step) => sum + step.characters, 0) / seconds;
  }

  get lastLoss(): number | null {
    return this.#recent.at(-1)?.loss ?? null;
  }

  /** Mean training loss of each epoch; the last may be of a part of one. */
  get epochMeanLoss(): readonly number[] {
    return this.#epochs.map(({ lossSum, characters }) => lossSum / characters);
  }
}
