import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepRow } from './contract.js';
import { BUCKETS_MAX, Curve, stepRow } from './curve.js';
import type { CurveData } from './curve.js';

const rows = (count: number): StepRow[] =>
  Array.from({ length: count }, (_, index) => [index + 1, 5 / (index + 1), 100, 0.5]);

function curveOf(steps: readonly StepRow[]): Curve {
  const curve = new Curve();
  for (const step of steps) curve.add(step);
  return curve;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('a curve', () => {
  it('is every step, as long as there are few', () => {
    const { width, step, loss, low, high, count } = curveOf(rows(3)).data;
    expect({ width, step, count }).toEqual({ width: 1, step: [1, 2, 3], count: [1, 1, 1] });
    expect([loss, low, high]).toEqual([loss, loss, loss]);
    expect(loss).toEqual([5, 2.5, 5 / 3]);
  });

  it('has the mean, the lowest and the highest of neighbours, when there are many', () => {
    const { width, loss, low, high, characters, seconds, count } = curveOf(rows(BUCKETS_MAX + 1)).data;
    expect(width).toBe(2);
    expect([low[0], loss[0], high[0]]).toEqual([2.5, 3.75, 5]);
    expect([characters[0], seconds[0], count[0], count.at(-1)]).toEqual([200, 1, 2, 1]);
  });

  it('never has more points than it may, and leaves no step out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 * BUCKETS_MAX }), (length) => {
        const { width, step, count, characters, low, high, loss } = curveOf(rows(length)).data;
        expect(step.length).toBeLessThanOrEqual(BUCKETS_MAX);
        if (width > 1) expect(step.length).toBeGreaterThan(BUCKETS_MAX / 2 - 1);
        expect([sum(count), sum(characters)]).toEqual([length, 100 * length]);
        expect(step.at(-1) ?? 0).toBe(length);
        expect(loss.every((mean, index) => low[index] <= mean && mean <= high[index])).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('is the same wherever it was sent on the way', () => {
    const losses = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 4_000 });
    fc.assert(
      fc.property(losses, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const steps = values.map((loss, index) => stepRow({ step: index + 1, loss, characters: 7, seconds: 0.25 }));
        const cut = Math.floor(steps.length * share);
        const other = Curve.from(JSON.parse(JSON.stringify(curveOf(steps.slice(0, cut)))) as CurveData);
        // Some of them twice: a client that comes back may be told again.
        for (const step of steps.slice(Math.max(0, cut - 10))) other.add(step);
        const [one, two] = [curveOf(steps).data, other.data];
        expect({ ...two, loss: [], seconds: [] }).toEqual({ ...one, loss: [], seconds: [] });
        for (const [index, loss] of one.loss.entries()) expect(two.loss[index]).toBeCloseTo(loss, 5);
      }),
      { numRuns: 20 },
    );
  });

  it('takes less than 200 kB on the way, however long it is', () => {
    const steps = Array.from({ length: 100_000 }, (_, index) =>
      stepRow({ step: index + 1, loss: 1 + Math.PI / (index + 1), characters: 6_400, seconds: 0.1 + index / 1e7 }),
    );
    expect(JSON.stringify(curveOf(steps)).length).toBeLessThan(120_000);
  });
});
