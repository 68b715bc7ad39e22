/** Workers come and go all the time, some of them asked to, some not, and the run does not mind. */
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';
import { LockstepProcess, waitFor } from './lockstep-process.js';

const STEPS = 24;
/** Steps at which somebody comes or goes; those after them give the last one time to start. */
const BUSY_STEPS = 12;
/** Slow enough for a new process to come before the run is over. */
const SLOW_STEPS = 'W6:times=1000:hang=300';

const comparison = new Comparison(STEPS, '--workers', '3');

describe('membership', () => {
  it('one worker leaves at every step, and another comes in its place', async () => {
    const leaving = Array.from({ length: BUSY_STEPS }, (_, i) => `W10:step=${i + 1}:worker=local-${i % 3}:term`);
    const harmed = comparison.harm([...leaving, SLOW_STEPS].join(','));
    await comparison.expectSame(harmed);
    const left = harmed.strikes.filter(({ action }) => action === 'term');
    expect(left.length).toBeGreaterThan(BUSY_STEPS / 3);
    expect(new Set(left.map(({ step }) => step)).size).toBe(left.length);
  });

  it('one worker of another machine joins at every step, and leaves two steps later', async () => {
    const harmed = comparison.harm(SLOW_STEPS);
    const endpoint = String((await harmed.process.event(({ event }) => event === 'start'))['endpoint']);
    const guests: LockstepProcess[] = [];
    for (let step = 1; step <= BUSY_STEPS - 2; step += 1) {
      await harmed.step(step);
      const { environment: env } = harmed;
      guests.push(new LockstepProcess(['worker', '--coordinator', endpoint, '--name', `guest-${step}`], { env }));
      const leaver = guests[step - 3];
      if (leaver === undefined) continue;
      await waitFor('the guest to have joined', () => leaver.stderr.includes('joined run'));
      leaver.child.kill('SIGTERM');
    }
    await comparison.expectSame(harmed);
    for (const guest of guests) expect(await guest.end()).toMatchObject({ code: 0 });
  });

  it('one worker is killed at every third step', async () => {
    const killed = [1, 4, 7, 10, 13].map((step, index) => `W10:step=${step}:worker=local-${index % 3}:kill`);
    const harmed = comparison.harm([...killed, SLOW_STEPS].join(','));
    await comparison.expectSame(harmed);
    expect(harmed.strikes.filter(({ action }) => action === 'kill').map(({ step }) => step)).toEqual([1, 4, 7, 10, 13]);
  });
});
