/**
 * A worker is killed (SIGKILL, by itself, in a named phase of its life) and the run ends with the bytes of a run in
 * which nobody was. The log of the fault points proves that each fault happened, and how often.
 */
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';

/** Far beyond what a recovery takes on a busy machine; the figure itself is printed. */
const RECOVERY_MS_MAX = 30_000;

const comparison = new Comparison(12, '--workers', '2', '--checkpoint-every', '4');

describe('kill -9 of a worker', () => {
  it.each([
    ['W0', 'before it connects', 'W0:worker=local-1:kill'],
    ['W1', 'connected', 'W1:worker=local-1:kill'],
    ['W2', 'after hello', 'W2:worker=local-1:kill'],
    ['W3', 'with half a replica', 'W3:worker=local-1:kill'],
    ['W4', 'ready, with nothing to do', 'W4:worker=local-1:kill'],
    ['W5', 'with a task', 'W5:step=5:worker=local-1:kill'],
    ['W6', 'in the forward pass', 'W6:step=5:worker=local-1:kill'],
    ['W7', 'at the end of back-propagation', 'W7:step=5:worker=local-1:kill'],
    ['W8', 'while its gradient is sent', 'W8:step=5:worker=local-1:kill'],
    ['W9', 'with its gradient sent', 'W9:step=5:worker=local-1:kill'],
    ['W10', 'with the update', 'W10:step=5:worker=local-1:kill'],
    ['W11', 'asked for a snapshot', 'W11:from=1:kill'],
    ['applied', 'with the update applied', 'applied:step=5:worker=local-1:kill'],
  ])('%s, %s', async (point, _, faults) => {
    const harmed = comparison.harm(faults);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toEqual([expect.objectContaining({ point, action: 'kill' })]);
    for (const strike of harmed.strikes) {
      const recoveryMs = harmed.recoveryMs(strike);
      console.info(`kill -9 of a worker at ${point}: next commit after ${recoveryMs} ms`);
      expect(recoveryMs).toBeLessThan(RECOVERY_MS_MAX);
    }
  });

  it('W12, while it drains', async () => {
    const harmed = comparison.harm('W5:step=5:worker=local-1:term,W12:worker=local-1:kill');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.map(({ point, action }) => [point, action])).toEqual([
      ['W5', 'term'],
      ['W12', 'kill'],
    ]);
  });

  it('and of the one that takes its place, with half a replica', async () => {
    const harmed = comparison.harm('W6:step=2:worker=local-1:kill,W3:from=1:kill,C5:times=99:hang=300');
    await comparison.expectSame(harmed);
    const kills = harmed.strikes.filter(({ action }) => action === 'kill');
    expect(kills.map(({ point }) => point)).toEqual(['W6', 'W3']);
    expect(new Set(kills.map(({ pid }) => pid)).size).toBe(2);
  });

  it('at every other step: whoever has the shard', async () => {
    const steps = [1, 3, 5, 7, 9];
    // Whichever of the two it is that has the shard.
    const harmed = comparison.harm(steps.map((step, index) => `W6:step=${step}:shard=${index % 2}:kill`).join(','));
    await comparison.expectSame(harmed);
    expect(harmed.strikes.map(({ step }) => step)).toEqual(steps);
  });

  it('all at once: goes back to the last checkpoint, and computes the same again', async () => {
    const harmed = comparison.harm('W6:step=6:worker=local-0:kill,W6:step=6:worker=local-1:kill');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.map(({ worker }) => worker).sort()).toEqual(['local-0', 'local-1']);
  });
});

describe('a worker that ends otherwise', () => {
  it.each([
    ['by an exit code of its own', 'W5:step=5:worker=local-1:exit=70'],
    ['by an error in its loop', 'W5:step=5:worker=local-1:throw'],
    ['by an error in its compute thread', 'W6:step=5:worker=local-1:throw'],
    ['by the end of its compute thread', 'W6:step=5:worker=local-1:exit=1'],
  ])('%s', async (_, faults) => {
    const harmed = comparison.harm(faults);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });
});
