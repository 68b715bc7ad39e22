/**
 * The coordinator is killed (SIGKILL, by itself, in a named phase) and comes back under the same supervisor: the
 * workers are the same processes, no step is lost, and the run ends with the bytes of a run in which it was not.
 */
import { describe, expect, it } from 'vitest';
import { journalOf } from './lockstep-process.js';
import { Comparison } from '../faults/runs.js';

const RECOVERY_MS_MAX = 60_000;

const comparison = new Comparison(12, '--workers', '2', '--checkpoint-every', '4');

describe('kill -9 of the coordinator', () => {
  it.each([
    ['C0', 'before it binds', 'C0:kill'],
    ['C1', 'with nobody there yet', 'C1:kill'],
    ['C2', 'with a step half dealt out', 'C2:step=5:kill'],
    ['C3', 'with one gradient', 'C3:step=5:kill'],
    ['C4', 'with a step reduced, not sent', 'C4:step=5:kill'],
    ['C5', 'with a step journalled, the next not begun', 'C5:step=5:kill'],
    ['C6', 'while it writes a checkpoint', 'C6:from=4:kill'],
    ['C7', 'with a checkpoint renamed, its folder not synced', 'C7:from=4:kill'],
    ['C8', 'while it says good-bye', 'C8:kill'],
  ])('%s, %s', async (point, _, faults) => {
    const harmed = comparison.harm(faults);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toEqual([expect.objectContaining({ point, action: 'kill' })]);
    const terms = journalOf(harmed.run).filter(({ kind }) => kind === 'term');
    // Killed before it took a term, it leaves no line.
    expect(terms.map(({ term }) => term)).toEqual(point === 'C0' ? [1] : [1, 2]);
    if (point === 'C8') return;
    for (const strike of harmed.strikes) {
      const recoveryMs = harmed.recoveryMs(strike);
      console.info(`kill -9 of the coordinator at ${point}: next commit after ${recoveryMs} ms`);
      expect(recoveryMs).toBeLessThan(RECOVERY_MS_MAX);
    }
  });

  it('three times in the same step, twice of them while it recovers', async () => {
    const harmed = comparison.harm('C2:step=5:times=3:kill');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.map(({ step }) => step)).toEqual([5, 5, 5]);
    expect(new Set(harmed.strikes.map(({ pid }) => pid)).size).toBe(3);
  });

  it('together with a worker', async () => {
    const harmed = comparison.harm('W6:step=5:worker=local-1:kill,C3:step=5:kill');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.map(({ point }) => point).sort()).toEqual(['C3', 'W6']);
  });

  it('keeps the workers: they are the same processes before and after', async () => {
    const harmed = comparison.harm('C3:step=5:kill,W10:step=4:worker=local-0:hang=1,W10:step=8:worker=local-0:hang=1');
    await comparison.expectSame(harmed);
    const [before, after] = harmed.strikes.filter(({ point }) => point === 'W10');
    expect(before?.pid).toBeGreaterThan(0);
    expect(after?.pid).toBe(before?.pid);
  });
});
