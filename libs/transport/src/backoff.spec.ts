import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

/** Without chance. */
const steady = (): Backoff => new Backoff(() => 0.5);

describe('Backoff', () => {
  it('is short at first, then doubles from one second to its longest while no connection comes up', () => {
    const backoff = steady();
    const pauses = Array.from({ length: 9 }, (_, index) => backoff.pauseMs(index));
    expect(pauses).toEqual([100, 1000, 2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000]);
  });

  it('begins anew after a connection that lasted', () => {
    const backoff = steady();
    for (let index = 0; index < 5; index += 1) backoff.pauseMs(index);
    backoff.connected(1_000_000);
    expect(backoff.pauseMs(1_002_000)).toBe(100);
    expect(backoff.pauseMs(1_002_100)).toBe(1000);
  });

  it('goes on doubling while each connection breaks soon after it was made', () => {
    const backoff = steady();
    const pauses = Array.from({ length: 4 }, (_, index) => {
      backoff.connected(index * 100_000);
      return backoff.pauseMs(index * 100_000 + 1_999);
    });
    expect(pauses).toEqual([100, 1000, 2000, 4000]);
  });

  it('counts one connection once: attempts that fail long after it are not connections that lasted', () => {
    const backoff = steady();
    backoff.connected(0);
    expect([10_000, 20_000, 30_000].map((nowMs) => backoff.pauseMs(nowMs))).toEqual([100, 1000, 2000]);
  });

  it('begins anew when told to', () => {
    const backoff = steady();
    backoff.pauseMs(0);
    backoff.pauseMs(1);
    backoff.reset();
    expect(backoff.pauseMs(2)).toBe(100);
  });

  it('strays by at most a fifth, and does not stray twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
        (draws) => {
          const drawn = draws.values();
          const [steadyOne, straying] = [steady(), new Backoff(() => drawn.next().value ?? 0)];
          for (const draw of draws) {
            const ratio = straying.pauseMs(0) / steadyOne.pauseMs(0);
            expect(ratio).toBeCloseTo(0.8 + 0.4 * draw, 10);
          }
        },
      ),
    );
  });
});
