/**
 * What the time of a run was spent on. A step that met a fault is not lost as a whole: it counts as productive as far
 * as steps like it take without one, and the rest is what the fault cost.
 */
import type { RUN_STATES } from '@lockstep/metrics';
import type { StepAccount } from './step-account.js';

export type RunTimeState = (typeof RUN_STATES)[number];

/** Steps without a fault whose median is what a step takes. */
const USUAL_STEPS = 32;

export class RunClock {
  readonly #spend: (state: RunTimeState, seconds: number) => void;
  readonly #usualMs: number[] = [];
  #sinceMs: number;
  #isFaulty = false;

  /** @param spend told of time that has passed, never twice of the same */
  constructor(nowMs: number, spend: (state: RunTimeState, seconds: number) => void) {
    this.#sinceMs = nowMs;
    this.#spend = spend;
  }

  /** Time between steps has passed in this state. */
  pass(state: RunTimeState, nowMs: number): void {
    if (nowMs <= this.#sinceMs) return;
    this.#spend(state, (nowMs - this.#sinceMs) / 1000);
    this.#sinceMs = nowMs;
  }

  /** Time that passed while nobody was here to see it. */
  add(state: RunTimeState, seconds: number): void {
    this.#spend(state, seconds);
  }

  /** Something has gone wrong in the step that goes on. */
  faulted(): void {
    this.#isFaulty = true;
  }

  /**
   * A step has ended; since the last call nothing else has happened.
   * @param isReplay whether its result was known already
   */
  step({ phasesMs }: Pick<StepAccount, 'phasesMs'>, isReplay: boolean, nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    const checkpointMs = Math.min(passedMs, phasesMs.checkpoint);
    const restMs = passedMs - checkpointMs;
    const usefulMs = isReplay ? 0 : this.#isFaulty ? Math.min(restMs, this.#medianMs() ?? restMs) : restMs;
    if (!isReplay && !this.#isFaulty) this.#remember(restMs);
    this.#isFaulty = false;
    this.#spend('checkpoint', checkpointMs / 1000);
    this.#spend('productive', usefulMs / 1000);
    this.#spend('recovery', (restMs - usefulMs) / 1000);
  }

  #remember(ms: number): void {
    this.#usualMs.push(ms);
    if (this.#usualMs.length > USUAL_STEPS) this.#usualMs.shift();
  }

  #medianMs(): number | undefined {
    return [...this.#usualMs].sort((a, b) => a - b)[Math.floor(this.#usualMs.length / 2)];
  }
}
