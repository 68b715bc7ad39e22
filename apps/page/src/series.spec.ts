import { describe, expect, it } from 'vitest';
import type { StepRow } from './contract.js';
import { Curve } from './curve.js';
import { bucketOf, joinedLines, latestRate, lossLines, pace, rateLine, secondsSoFar } from './series.js';

function curveOf(steps: readonly StepRow[]): Curve['data'] {
  const curve = new Curve();
  for (const step of steps) curve.add(step);
  return curve.data;
}

const steps = (count: number, loss: (index: number) => number = () => 1): StepRow[] =>
  Array.from({ length: count }, (_, index) => [index + 1, loss(index), 100, index < 10 ? 1 : 0.5]);

describe('the lines of a chart', () => {
  it('by time are where the steps before them end', () => {
    expect(secondsSoFar(curveOf(steps(3)))).toEqual([1, 2, 3]);
  });

  it('follow a slope to both of its ends, and calm what jumps', () => {
    const slope = lossLines(curveOf(steps(200, (index) => 10 - index / 50)), []);
    for (const [index, loss] of slope.smooth.entries()) expect(loss).toBeCloseTo(10 - index / 50, 9);
    const jumping = lossLines(curveOf(steps(200, (index) => 2 + (index % 2))), []);
    const middle = jumping.smooth.slice(20, 180).map((loss) => Math.abs((loss ?? 0) - 2.5));
    expect(Math.max(...middle)).toBeLessThan(0.2);
    expect(jumping.mean.slice(0, 2)).toEqual([2, 3]);
  });

  it('have the validation loss at its step, also in a bucket of several', () => {
    const few = lossLines(curveOf(steps(4)), [{ step: 2, loss: 1.5 }]);
    expect(few.validation).toEqual([null, 1.5, null, null]);
    const many = curveOf(steps(4_000));
    const { validation } = lossLines(many, [
      { step: 3_999, loss: 1.25 },
      { step: 9_999, loss: 1 },
    ]);
    expect(validation.filter((loss) => loss !== null)).toEqual([1.25]);
    expect(many.step[validation.indexOf(1.25)]).toBeGreaterThanOrEqual(3_999);
    expect(bucketOf(9_999, many)).toBe(-1);
  });

  it('of speed are means over the latest steps', () => {
    const curve = curveOf(steps(40));
    expect(rateLine(curve)[0]).toBe(100);
    expect(latestRate(curve)).toBe(200);
    expect(pace(curve)).toBe(0.5);
    expect([latestRate(curveOf([])), pace(curveOf([]))]).toEqual([null, null]);
  });

  it('of several runs lie over the points of all', () => {
    const lines = [
      { x: [1, 2], y: [5, 4] },
      { x: [2, 3], y: [3, null] },
    ];
    expect(joinedLines(lines)).toEqual({
      x: [1, 2, 3],
      lines: [
        [5, 4, null],
        [null, 3, null],
      ],
    });
  });
});
