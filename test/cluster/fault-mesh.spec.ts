/**
 * Workers sum the gradients among themselves, and one of them or the coordinator is hurt in the middle of it: the run
 * ends with the bytes of a run without harm in which the coordinator sums.
 */
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';
import { waitFor } from './lockstep-process.js';

const STEPS = 30;
const MESH = ['--topology', 'mesh'] as const;

const comparison = new Comparison(STEPS, '--workers', '3', '--shards', '4', '--checkpoint-every', '4');

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

it('ends with the bytes of a star', async () => {
  const whole = comparison.harm('', ...MESH);
  await comparison.expectSame(whole);
  expect(whole.process.events).toContainEqual(expect.objectContaining({ event: 'topology', topology: 'mesh' }));
});

describe('kill -9', () => {
  it.each([
    ['of a worker with a task', 'W5:step=5:worker=local-1:kill'],
    ['of a worker that holds a gradient', 'W9:step=5:worker=local-1:kill'],
    ['of a worker that has sent its first pieces', 'W13:step=5:worker=local-1:kill'],
    ['of a worker that has the mean', 'W14:step=5:worker=local-1:kill'],
    ['of a worker with the update', 'W10:step=5:worker=local-1:kill'],
    ['of two workers in one exchange', 'W13:step=5:worker=local-1:kill,W14:step=5:worker=local-2:kill'],
    ['of all workers in one exchange', [0, 1, 2].map((slot) => `W13:step=6:worker=local-${slot}:kill`).join(',')],
    ['of the coordinator that has begun an exchange', 'C9:step=5:kill'],
    ['of the coordinator whose line is written', 'C5:step=5:kill'],
    ['of a worker in several exchanges', [1, 8, 15, 22].map((step) => `W13:step=${step}:kill`).join(',')],
  ])('%s', async (_, faults) => {
    const harmed = comparison.harm(faults, ...MESH);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(faults.split(',').length);
  });
});

describe('a worker that stops in an exchange', () => {
  it.each([
    ['for 2 seconds', 2_000],
    ['for 10 seconds', 10_000],
  ])('%s', async (_, durationMs) => {
    const harmed = comparison.harm('W13:step=5:worker=local-1:stop,C5:times=99:hang=100', ...MESH);
    const strike = await waitFor('the fault', () => harmed.strikes.find(({ action }) => action === 'stop'));
    await pause(durationMs);
    if (harmed.processes.includes(strike.pid)) process.kill(strike.pid, 'SIGCONT');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.filter(({ action }) => action === 'stop')).toHaveLength(1);
  });

  it('for ever: the run ends without it', async () => {
    const harmed = comparison.harm('W13:step=5:worker=local-1:stop', ...MESH);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });
});

it('lets a worker go that is told to in an exchange', async () => {
  const harmed = comparison.harm('W13:step=5:worker=local-1:term', ...MESH);
  await comparison.expectSame(harmed);
  expect(harmed.strikes).toHaveLength(1);
});

describe('gradients that pass sockets, as between machines', () => {
  it.each([
    ['end with the same bytes', ''],
    ['and do so when a worker is killed in an exchange', 'W13:step=5:worker=local-1:kill'],
    ['and when it has the mean', 'W14:step=5:worker=local-1:kill'],
  ])('%s', async (_, faults) => {
    const harmed = comparison.harm(faults, ...MESH, '--local-exchange', 'sockets');
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(faults === '' ? 0 : 1);
  });
});
