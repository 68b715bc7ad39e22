import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finishGradient } from './finish.js';

const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/** Values whose squares and quotients stay clear of float32's subnormal range, where relative bounds do not hold. */
const values = fc.array(
  fc.oneof(
    fc.constant(0),
    fc.float({ min: 2 ** -20, max: 2 ** 20, noNaN: true }),
    fc.float({ min: -(2 ** 20), max: -(2 ** -20), noNaN: true }),
  ),
  { minLength: 1, maxLength: 40 },
);

describe('finishGradient', () => {
  it('divides by the character count and measures the norm', () => {
    const gradient = Float32Array.of(6, 0, -8);
    expect(finishGradient(gradient, 2, undefined)).toEqual({ norm: 5, finite: true, clipped: false });
    expect([...gradient]).toEqual([3, 0, -4]);
  });

  it('rounds the quotient once, which a rounded reciprocal would not', () => {
    const [sum, characters] = [5, 41];
    expect(Math.fround(sum * Math.fround(1 / characters))).not.toBe(Math.fround(sum / characters));
    const gradient = Float32Array.of(sum);
    finishGradient(gradient, characters, undefined);
    expect(gradient[0]).toBe(Math.fround(sum / characters));
  });

  it('measures what was rounded: the norm of the vector that the optimizer gets', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100_000 }), (sums, characters) => {
        const gradient = Float32Array.from(sums);
        const { norm } = finishGradient(gradient, characters, undefined);
        expect([...gradient]).toEqual([...Float32Array.from(sums, (sum) => Math.fround(sum) / characters)]);
        expect(norm).toBe(Math.sqrt(gradient.reduce((squares, value) => squares + value * value, 0)));
      }),
    );
  });

  it('clips to the norm and keeps the direction', () => {
    const gradient = Float32Array.of(6, 0, -8);
    expect(finishGradient(gradient, 2, 2.5)).toEqual({ norm: 5, finite: true, clipped: true });
    expect([...gradient]).toEqual([1.5, 0, -2]);
  });

  it('leaves a gradient of exactly the largest norm alone', () => {
    const gradient = Float32Array.of(6, 0, -8);
    expect(finishGradient(gradient, 2, 5)).toEqual({ norm: 5, finite: true, clipped: false });
    expect([...gradient]).toEqual([3, 0, -4]);
  });

  it('never leaves a norm above the limit by more than the rounding of one value', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 2 ** -10, max: 2 ** 10, noNaN: true }), (sums, clipNorm) => {
        const gradient = Float32Array.from(sums);
        const { norm, clipped } = finishGradient(gradient, 7, clipNorm);
        expect(clipped).toBe(norm > clipNorm);
        const left = Math.sqrt(gradient.reduce((squares, value) => squares + value * value, 0));
        expect(left).toBeLessThanOrEqual(Math.min(norm, clipNorm) * (1 + 2 ** -23));
        expect(left).toBeGreaterThanOrEqual(Math.min(norm, clipNorm) * (1 - 2 ** -23));
      }),
    );
  });

  it.each([Number.NaN, Infinity, -Infinity])('reports %s anywhere, and does not clip by it', (bad) => {
    for (let place = 0; place < 3; place++) {
      const gradient = Float32Array.of(6, 4, -8);
      gradient[place] = bad;
      const { finite, clipped, norm } = finishGradient(gradient, 2, 0.5);
      expect({ finite, clipped }).toEqual({ finite: false, clipped: false });
      expect(Number.isFinite(norm)).toBe(false);
      expect(gradient[(place + 1) % 3]).toBe([3, 2, -4][(place + 1) % 3]);
    }
  });

  it('does not mistake the largest finite values for a divergence', () => {
    const gradient = new Float32Array(1000).fill(FLOAT32_MAX);
    const { finite, norm } = finishGradient(gradient, 1, undefined);
    expect(finite).toBe(true);
    expect(norm / (FLOAT32_MAX * Math.sqrt(1000))).toBeCloseTo(1, 12);
  });

  it('refuses counts and limits that make no sense', () => {
    for (const count of [0, -1, 1.5, Number.NaN]) {
      expect(() => finishGradient(new Float32Array(1), count, undefined)).toThrow('character count');
    }
    for (const clipNorm of [0, -1, Number.NaN]) {
      expect(() => finishGradient(new Float32Array(1), 1, clipNorm)).toThrow('clip norm');
    }
  });
});
