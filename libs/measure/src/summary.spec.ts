import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ratioOf, summarise } from './summary.js';

describe('a summary', () => {
  it('has the quartiles of numpy, between neighbours', () => {
    // numpy.percentile([7, 1, 3, 9], [25, 50, 75])
    expect(summarise([7, 1, 3, 9])).toEqual({
      count: 4,
      median: 5,
      lowerQuartile: 2.5,
      upperQuartile: 7.5,
      min: 1,
      max: 9,
    });
  });

  it('of one value is that value', () => {
    expect(summarise([4])).toEqual({ count: 1, median: 4, lowerQuartile: 4, upperQuartile: 4, min: 4, max: 4 });
  });

  it('does not depend on the order, and its numbers are in order', () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, (some) => {
        const { min, lowerQuartile, median, upperQuartile, max } = summarise(some);
        expect(summarise([...some].reverse())).toEqual(summarise(some));
        const inOrder = [min, lowerQuartile, median, upperQuartile, max];
        expect([...inOrder].sort((a, b) => a - b)).toEqual(inOrder);
      }),
    );
  });

  it('is refused for no values and for what is no number', () => {
    expect(() => summarise([])).toThrow('no summary');
    expect(() => summarise([1, Number.NaN])).toThrow('no summary');
  });
});

describe('a ratio', () => {
  it('compares medians, and each round with its own', () => {
    const { ofMedians, byRound } = ratioOf([10, 20, 90], [5, 40, 30]);
    expect(ofMedians).toBe(20 / 30);
    expect([byRound.min, byRound.median, byRound.max]).toEqual([0.5, 2, 3]);
  });

  it('leaves out rounds that only one of them has', () => {
    expect(ratioOf([4, 6, 100], [2, 3]).byRound.count).toBe(2);
    expect(() => ratioOf([], [1])).toThrow('needs a round');
  });
});
