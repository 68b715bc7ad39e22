import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { exponential, sigmoid, tanh } from './curves.js';

const anything = fc.double({ min: -120, max: 120, noNaN: true });

describe('the exponential', () => {
  it('is that of Math to 1e-9, within the limits of float32', () => {
    fc.assert(
      fc.property(fc.double({ min: -104, max: 104, noNaN: true }), (x) => {
        expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-9);
      }),
    );
  });

  it('is exact at zero, nothing in float32 far below it, and finite far above it', () => {
    expect(exponential(0)).toBe(1);
    expect(Math.fround(exponential(-104))).toBe(0);
    expect(exponential(-Infinity)).toBe(exponential(-104));
    expect(exponential(Infinity)).toBe(exponential(104));
  });

  it('keeps NaN', () => {
    expect([exponential(NaN), sigmoid(NaN), tanh(NaN)]).toEqual([NaN, NaN, NaN]);
  });
});

describe('the curves of a GRU', () => {
  it('are those of Math to 1e-9', () => {
    fc.assert(
      fc.property(anything, (x) => {
        expect(Math.abs(sigmoid(x) - 1 / (1 + Math.exp(-x)))).toBeLessThan(1e-9);
        expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(1e-9);
      }),
    );
  });

  it('end at their limits', () => {
    expect([sigmoid(-Infinity), sigmoid(Infinity)].map(Math.fround)).toEqual([Math.fround(exponential(-104)), 1]);
    expect([tanh(-Infinity), tanh(Infinity)]).toEqual([-1, 1]);
  });
});
