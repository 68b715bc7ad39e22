/** Processes that stop for a while, hang, or are asked to leave: nobody is taken for dead who only rests too long. */
import { describe, expect, it } from 'vitest';
import { readJson, waitFor } from './lockstep-process.js';
import { Comparison } from '../faults/runs.js';
import { LockstepProcess } from './lockstep-process.js';

const STEPS = 40;

const comparison = new Comparison(STEPS, '--workers', '2');

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe('SIGSTOP', () => {
  it.each([
    ['a worker', 2000, 'W6:step=5:worker=local-1:stop'],
    ['a worker', 10_000, 'W6:step=5:worker=local-1:stop'],
    ['a worker that has sent its gradient', 2000, 'W9:step=5:worker=local-1:stop'],
    ['the coordinator', 2000, 'C3:step=5:stop'],
  ])('of %s for %d ms, while the run goes on', async (_, durationMs, faults) => {
    // So slow that the run is not over when the process goes on.
    const harmed = comparison.harm(`${faults},C5:times=99:hang=${durationMs / 25}`);
    const strike = await waitFor('the fault', () => harmed.strikes.find(({ action }) => action === 'stop'));
    await pause(durationMs);
    expect(harmed.commits.size).toBeLessThan(STEPS);
    // A worker that was given up in the meantime may have been replaced already.
    if (harmed.processes.includes(strike.pid)) process.kill(strike.pid, 'SIGCONT');
    await comparison.expectSame(harmed);
    expect(harmed.strikes.filter(({ action }) => action === 'stop')).toHaveLength(1);
  });

  it('of a worker for ever: the run ends without it', async () => {
    const harmed = comparison.harm('W6:step=5:worker=local-1:stop');
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });
});

describe('a JavaScript thread that hangs for 3 s', () => {
  it.each([
    ['main thread of a worker', 'W5:step=5:worker=local-1:hang=3000'],
    ['compute thread of a worker', 'W6:step=5:worker=local-1:hang=3000'],
    ['coordinator', 'C3:step=5:hang=3000'],
  ])('%s', async (_, faults) => {
    const harmed = comparison.harm(faults);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });
});

describe('SIGTERM', () => {
  it.each([
    ['between tasks', 'W10:step=5:worker=local-1:term'],
    ['with a task', 'W5:step=5:worker=local-1:term'],
    ['in the forward pass', 'W6:step=5:worker=local-1:term'],
    ['before it is ready', 'W2:worker=local-1:term'],
  ])('to a local worker %s: it drains', async (_, faults) => {
    const harmed = comparison.harm(faults);
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });

  it('to a worker of another machine: it hands its work back and leaves with 0', async () => {
    const harmed = comparison.harm('');
    const start = await harmed.process.event(({ event }) => event === 'start');
    const worker = new LockstepProcess(['worker', '--coordinator', String(start['endpoint'])], {
      env: harmed.environment,
    });
    await harmed.step(10);
    worker.child.kill('SIGTERM');
    expect((await worker.end()).code).toBe(0);
    await comparison.expectSame(harmed);
  });

  it('to the supervisor: a checkpoint, exit 0, and --resume goes on to the same bytes', async () => {
    const harmed = comparison.harm('');
    await harmed.step(7);
    harmed.process.child.kill('SIGTERM');
    expect((await harmed.process.end()).code).toBe(0);
    const { steps, result } = readJson(harmed.run, 'summary.json');
    expect(result).toBe('stopped');
    expect(Number(steps)).toBeLessThan(STEPS);
    const resumed = new LockstepProcess(['train', '--resume', harmed.run]);
    expect((await resumed.end()).code).toBe(0);
    comparison.expectSameResult(harmed.run);
  });
});
