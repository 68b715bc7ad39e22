import { describe, expect, it } from 'vitest';
import {
  afterCoordinatorEnd,
  afterFailedStart,
  afterWorkerEnd,
  fullBudget,
  isPreemption,
  QUIET_MS,
  STEADY_MS,
} from './restart-policy.js';
import type { CoordinatorRestarts, ProcessEnd, WorkerBudgets } from './restart-policy.js';

const KILLED: ProcessEnd = { code: null, signal: 'SIGKILL' };
const TOLD: ProcessEnd = { code: 0, signal: null };
const exit = (code: number): ProcessEnd => ({ code, signal: null });

const budgets = (faults: number, preemptions = 0): WorkerBudgets => ({
  faults: fullBudget(faults),
  preemptions: fullBudget(preemptions),
});

/** Verdicts over a worker that ends in these ways one after another, each `livedMs` after its start. */
function verdicts(start: WorkerBudgets, ends: readonly ProcessEnd[], livedMs = 0): unknown[] {
  let state = { budgets: start, row: 0 };
  return ends.map((end, index) => {
    const { verdict, ...next } = afterWorkerEnd(state.budgets, end, state.row, livedMs, index * livedMs);
    state = next;
    return verdict.restart ? verdict.afterMs : verdict.why;
  });
}

describe('a local worker that ends', () => {
  it('starts again at once, then after pauses that double up to 32 seconds', () => {
    const pauses = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000];
    expect(
      verdicts(
        budgets(100),
        pauses.map(() => KILLED),
      ),
    ).toEqual(pauses);
  });

  it('starts at once again when it had been well in between', () => {
    expect(verdicts(budgets(100), [KILLED, KILLED, KILLED], STEADY_MS)).toEqual([0, 0, 0]);
  });

  it('stays away when its budget is used up, and crashes leave the budget of preemptions alone', () => {
    expect(verdicts(budgets(2, 1), [KILLED, exit(70), KILLED, TOLD, TOLD])).toEqual([
      0,
      1_000,
      'budget',
      4_000,
      'budget',
    ]);
    expect(verdicts(budgets(0), [KILLED])).toEqual(['budget']);
  });

  it('has a whole budget again after an hour of quiet, not before', () => {
    expect(verdicts(budgets(1), [KILLED, KILLED], QUIET_MS)).toEqual([0, 0]);
    expect(verdicts(budgets(1), [KILLED, KILLED], QUIET_MS - 1)).toEqual([0, 'budget']);
  });

  it.each([64, 65, 69, 76, 77, 78])('with exit code %i stays away: it would end so again', (code) => {
    expect(verdicts(budgets(9, 9), [exit(code)])).toEqual(['final']);
  });

  it.each([1, 70, 74, 75, 134])('with exit code %i starts again', (code) => {
    expect(verdicts(budgets(9), [exit(code)])).toEqual([0]);
  });

  it('by SIGTERM or well is one that was told to go', () => {
    expect([TOLD, { code: null, signal: 'SIGTERM' }, KILLED, exit(75)].map(isPreemption)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('a local worker that fails at its start', () => {
  it('three times in a row is not started again, whatever is left of its budget', () => {
    const again = { restart: true, afterMs: 0 } as const;
    const verdicts = [1, 2, 3].map((failedStarts) => afterFailedStart(again, failedStarts));
    expect(verdicts).toEqual([again, again, { restart: false, why: 'start' }]);
  });

  it('and would not be started again anyway stays away for that reason', () => {
    const final = { restart: false, why: 'budget' } as const;
    expect(afterFailedStart(final, 9)).toBe(final);
  });
});

describe('a coordinator that ends without an outcome', () => {
  const fresh = (max: number): CoordinatorRestarts => ({ budget: fullBudget(max), row: 0, hadBug: false });

  function ends(start: CoordinatorRestarts, list: readonly ProcessEnd[], wasLeading = true): unknown[] {
    let state = start;
    return list.map((end) => {
      const next = afterCoordinatorEnd(state, end, { livedMs: 0, wasLeading }, 0);
      state = next.state;
      return next.verdict.restart ? next.verdict.afterMs : next.verdict.why;
    });
  }

  it('by a signal starts again, as often as its budget allows', () => {
    expect(ends(fresh(3), [KILLED, KILLED, { code: null, signal: 'SIGABRT' }, KILLED])).toEqual([
      0,
      1_000,
      2_000,
      'budget',
    ]);
  });

  it('by a bug starts again once, if it led the run', () => {
    expect(ends(fresh(9), [KILLED, exit(70)], false)).toEqual([0, 'final']);
    expect(ends(fresh(9), [exit(70), KILLED, exit(70)])).toEqual([0, 1_000, 'final']);
    expect(ends(fresh(9), [exit(1), exit(1)])).toEqual([0, 'final']);
  });

  it.each([0, 64, 65, 69, 73, 74, 75])('with exit code %i is final', (code) => {
    expect(ends(fresh(9), [exit(code)])).toEqual(['final']);
  });
});
