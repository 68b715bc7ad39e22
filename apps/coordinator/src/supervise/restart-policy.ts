/**
 * When a process that has ended is started again: decided here from how it ended and from what has happened before,
 * as pure functions. Three kinds of end have budgets of their own, so that a cloud that takes machines back does not
 * eat up what is there for crashes: faults, preemptions (told from outside to go), ends of the coordinator. What a
 * user asks for (scale, drain) costs nothing. A budget is whole again after an hour without an end of its kind: a run
 * of weeks may then lose a worker every hour for ever, and a crash loop still ends within minutes.
 */
import { doublingPause, EXIT_CODES } from '@lockstep/config';

/** Without an end of its kind for this long a budget is whole again. */
export const QUIET_MS = 3_600_000;
/** A process that lived this long has not failed at its start: the next pause is the shortest again. */
export const STEADY_MS = 10_000;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 32_000;

/** Starting a process again changes nothing about these: wrong options, wrong data, nobody there, a refusal. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  EXIT_CODES.usage,
  EXIT_CODES.data,
  EXIT_CODES.unavailable,
  EXIT_CODES.protocol,
  EXIT_CODES.unauthorised,
  EXIT_CODES.config,
]);

/** After this many failed starts in a row, with no worker ever ready, the next would fail as well. */
export const FAILED_STARTS_MAX = 3;

/** What Node exits with for an exception that nobody caught. */
const UNCAUGHT_CODE = 1;

export interface Budget {
  readonly max: number;
  readonly used: number;
  /** Of the latest end that was paid for. */
  readonly lastMs: number;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export type Verdict =
  | { readonly restart: true; readonly afterMs: number }
  /** `final`: it would end in the same way again; `budget`: it has ended too often. */
  | { readonly restart: false; readonly why: 'final' | 'budget' };

/** `start`: none was ever ready, and this one has failed again and again. */
export type WorkerVerdict = Verdict | { readonly restart: false; readonly why: 'start' };

export function fullBudget(max: number): Budget {
  return { max, used: 0, lastMs: -Infinity };
}

/** Ended by itself and well although its run goes on: somebody told it to go. */
export function isPreemption({ code, signal }: ProcessEnd): boolean {
  return code === EXIT_CODES.done || signal === 'SIGTERM';
}

/** Takes one restart out of a budget; null when nothing is left. */
function spend(budget: Budget, nowMs: number): Budget | null {
  const used = nowMs - budget.lastMs >= QUIET_MS ? 0 : budget.used;
  return used >= budget.max ? null : { ...budget, used: used + 1, lastMs: nowMs };
}

export interface WorkerBudgets {
  readonly faults: Budget;
  readonly preemptions: Budget;
}

/**
 * What becomes of a local worker that has ended unasked.
 * @param row number of its ends in a row before this one
 * @param livedMs from its start to its end
 */
export function afterWorkerEnd(
  budgets: WorkerBudgets,
  end: ProcessEnd,
  row: number,
  livedMs: number,
  nowMs: number,
): { readonly budgets: WorkerBudgets; readonly row: number; readonly verdict: Verdict } {
  if (end.code !== null && FINAL_CODES.has(end.code)) {
    return { budgets, row, verdict: { restart: false, why: 'final' } };
  }
  const kind = isPreemption(end) ? 'preemptions' : 'faults';
  const left = spend(budgets[kind], nowMs);
  if (left === null) return { budgets, row, verdict: { restart: false, why: 'budget' } };
  const count = livedMs >= STEADY_MS ? 1 : row + 1;
  // One that was told to go gets a pause even the first time: the whole run may be about to end.
  const pauses = kind === 'preemptions' ? count : count - 1;
  return { budgets: { ...budgets, [kind]: left }, row: count, verdict: { restart: true, afterMs: pauseMs(pauses) } };
}

/** What becomes of a worker none of whose kind was ever ready: a broken engine must not use up the whole budget. */
export function afterFailedStart(verdict: Verdict, failedStarts: number): WorkerVerdict {
  return verdict.restart && failedStarts >= FAILED_STARTS_MAX ? { restart: false, why: 'start' } : verdict;
}

export interface CoordinatorRestarts {
  readonly budget: Budget;
  readonly row: number;
  /** Whether it has ended by a bug of ours before: a second time would be the same bug again. */
  readonly hadBug: boolean;
}

/**
 * What becomes of a coordinator that has ended without an outcome.
 * @param life how long it lived, and whether it led the run when it ended
 */
export function afterCoordinatorEnd(
  state: CoordinatorRestarts,
  end: ProcessEnd,
  life: { readonly livedMs: number; readonly wasLeading: boolean },
  nowMs: number,
): { readonly state: CoordinatorRestarts; readonly verdict: Verdict } {
  const isBug = end.code === EXIT_CODES.internal || end.code === UNCAUGHT_CODE;
  const isWorthOneTry = isBug && life.wasLeading && !state.hadBug;
  if (end.signal === null && !isWorthOneTry) return { state, verdict: { restart: false, why: 'final' } };
  const budget = spend(state.budget, nowMs);
  if (budget === null) return { state, verdict: { restart: false, why: 'budget' } };
  const row = life.livedMs >= STEADY_MS ? 1 : state.row + 1;
  const verdict = { restart: true, afterMs: pauseMs(row - 1) } as const;
  return { state: { budget, row, hadBug: state.hadBug || isBug }, verdict };
}

function pauseMs(failures: number): number {
  return failures === 0 ? 0 : doublingPause(failures, PAUSE_MS_MIN, PAUSE_MS_MAX);
}
