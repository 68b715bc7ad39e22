import { RUN_STATES } from '@lockstep/metrics';
import { describe, expect, it } from 'vitest';
import { RunClock } from './run-clock.js';
import type { StepAccount } from './step-account.js';

const account = (checkpoint = 0): Pick<StepAccount, 'phasesMs'> => ({
  phasesMs: { data: 0, dispatch: 0, compute: 0, transfer: 0, reduce: 0, apply: 0, checkpoint, other: 0 },
});

function begin(): { readonly clock: RunClock; readonly spent: Record<string, number> } {
  const spent: Record<string, number> = Object.fromEntries(RUN_STATES.map((state) => [state, 0]));
  const clock = new RunClock(1_000, (state, seconds) => (spent[state] = (spent[state] ?? 0) + seconds));
  return { clock, spent };
}

describe('the time of a run', () => {
  it('is productive while steps are made, and each second counts once', () => {
    const { clock, spent } = begin();
    clock.pass('startup', 3_000);
    clock.pass('startup', 3_000);
    clock.step(account(), false, 4_000);
    clock.pass('waiting', 4_500);
    clock.step(account(250), false, 5_500);
    expect(spent).toEqual({ startup: 2, productive: 1.75, waiting: 0.5, recovery: 0, checkpoint: 0.25 });
  });

  it('is lost to a fault as far as the step took longer than others', () => {
    const { clock, spent } = begin();
    for (const atMs of [2_000, 3_000, 4_000]) clock.step(account(), false, atMs);
    clock.faulted();
    clock.step(account(), false, 9_000);
    expect(spent).toMatchObject({ productive: 4, recovery: 4 });
    // The next one is a step like others again.
    clock.step(account(), false, 10_000);
    expect(spent).toMatchObject({ productive: 5, recovery: 4 });
  });

  it('is lost where steps are made again whose result was known', () => {
    const { clock, spent } = begin();
    clock.step(account(), true, 2_500);
    expect(spent).toMatchObject({ productive: 0, recovery: 1.5 });
  });
});
