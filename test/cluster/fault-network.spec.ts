/**
 * Workers of another machine behind a bad line: a proxy between them and the coordinator breaks it in every way in
 * which TCP can break. The run ends with the bytes of a run over a good line.
 */
import { describe, expect, it } from 'vitest';
import { behindProxy } from '../faults/behind-proxy.js';
import type { LaneFaults } from '../faults/lane.js';
import { Comparison } from '../faults/runs.js';
import type { Direction } from '../faults/tcp-proxy.js';
import { waitFor } from './lockstep-process.js';

const STEPS = 40;
/** A worker that is cut off looks for the coordinator after a second or so. */
const pauseMs = 80;
const FLOAT_BYTES = 4;

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe('a slow line', () => {
  const steps = 12;
  const comparison = new Comparison(steps);

  it.each<[string, LaneFaults]>([
    ['75 +- 50 ms late', { delayMs: [25, 125] }],
    ['200 kB a second', { bytesPerSecond: 200_000 }],
  ])('%s', async (_, faults) => {
    const { proxy, expectSame } = await behindProxy(comparison, { faults });
    await expectSame();
    const { connections, delayedPieces, resets } = proxy.counts;
    expect({ connections, resets }).toEqual({ connections: 2, resets: 0 });
    expect(delayedPieces > steps).toBe('delayMs' in faults);
  });
});

describe('a line that breaks', () => {
  const comparison = new Comparison(STEPS);

  it.each<[string, Direction | 'both']>([
    ['both ways', 'both'],
    ['to the coordinator only', 'up'],
    ['to the workers only', 'down'],
  ])('is dead for 2 s, %s', async (_, direction) => {
    const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
    await harmed.step(5);
    proxy.break(direction, { swallow: true });
    await pause(2000);
    const { swallowedBytes } = proxy.counts;
    const doneWhileDead = Math.max(...harmed.commits.keys());
    proxy.heal();
    await expectSame();
    expect(swallowedBytes).toBeGreaterThan(0);
    expect(doneWhileDead).toBeLessThan(STEPS);
    expect(proxy.counts).toMatchObject({ connections: 4, resets: 2 });
  });

  it('is held up for 2 s: everything comes late, nothing twice', async () => {
    const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
    await harmed.step(5);
    proxy.break('both', { hold: true });
    await pause(2000);
    proxy.heal();
    await expectSame();
    expect(proxy.counts).toMatchObject({ connections: 2, resets: 0, swallowedBytes: 0 });
  });

  it('is dead for one of two workers, for good: the other one does all', async () => {
    const { harmed, proxy, workers } = await behindProxy(comparison, { pauseMs });
    await harmed.step(5);
    const [first] = proxy.open;
    for (const lane of Object.values(first?.lanes ?? {})) lane.faults = { swallow: true };
    await comparison.expectSame(harmed, workers);
    expect(proxy.counts.swallowedBytes).toBeGreaterThan(0);
  });

  it('is reset for both workers at once, five times', async () => {
    const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
    let resets = 0;
    for (const step of [5, 10, 15, 20, 25]) {
      await harmed.step(step);
      await waitFor('both workers to be connected', () => proxy.open.length === 2);
      resets += proxy.resetAll();
    }
    await expectSame();
    expect(resets).toBe(10);
    expect(proxy.counts).toMatchObject({ connections: 12, resets });
  });

  it.each([1, 9, 100, 3000, 20_000])(
    'is reset in the middle of a message, after %d more bytes',
    async (lengthBytes) => {
      const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
      for (const [step, direction] of [
        [5, 'up'],
        [20, 'down'],
      ] as const) {
        await harmed.step(step);
        await waitFor('both workers to be connected', () => proxy.open.length === 2);
        await proxy.open[0]?.resetAfter(direction, lengthBytes);
      }
      await expectSame();
      expect(proxy.counts).toMatchObject({ connections: 4, resets: 2 });
    },
  );

  it('refuses for a second those who come back after a reset', async () => {
    const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
    await harmed.step(5);
    proxy.refuse();
    expect(proxy.resetAll()).toBe(2);
    await pause(1000);
    await proxy.accept();
    await expectSame();
    expect(proxy.counts).toMatchObject({ connections: 4, resets: 2 });
  });
});

describe('a line that flips bits', () => {
  const comparison = new Comparison(STEPS);

  it.each<[string, Direction, number]>([
    ['of gradients on their way up', 'up', 2000 * FLOAT_BYTES],
    ['of updates on their way down', 'down', 2000 * FLOAT_BYTES],
    ['of whatever comes next', 'up', 0],
    ['of whatever comes next', 'down', 0],
  ])('%s (%s, %d bytes on)', async (_, direction, aheadBytes) => {
    const { harmed, proxy, expectSame } = await behindProxy(comparison, { pauseMs });
    let asked = 0;
    for (const step of [5, 20, 35]) {
      await harmed.step(step);
      await waitFor('both workers to be connected', () => proxy.open.length === 2);
      const lane = proxy.open[asked % 2]?.lanes[direction];
      lane?.flipAt(lane.inOffset + aheadBytes);
      asked += 1;
      await waitFor('the bit to be flipped', () => proxy.counts.flippedBits === asked);
    }
    await expectSame();
    expect(proxy.counts.flippedBits).toBe(3);
  });

  it('one in 700,000 bytes, both ways', async () => {
    const { proxy, expectSame } = await behindProxy(comparison, { pauseMs, faults: { flipProbability: 1 / 700_000 } });
    await expectSame([0, 75]);
    console.info(`${proxy.counts.flippedBits} bits flipped in ${proxy.counts.passedBytes} bytes`);
    expect(proxy.counts.flippedBits).toBeGreaterThan(0);
  });
});
