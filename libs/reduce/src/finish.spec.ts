import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipScale, finishGradient, meanInPlace, normOf, SQUARES_BLOCK_LENGTH } from './finish.js';

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

/** Four interleaved sums in each block, then the blocks in order. */
function referenceNorm(gradient: Float32Array): number {
  let squares = 0;
  for (let start = 0; start < gradient.length; start += SQUARES_BLOCK_LENGTH) {
    const lanes = [0, 0, 0, 0];
    gradient.subarray(start, start + SQUARES_BLOCK_LENGTH).forEach((value, i) => (lanes[i % 4] += value * value));
    squares += lanes[0] + lanes[2] + (lanes[1] + lanes[3]);
  }
  return Math.sqrt(squares);
}

/** A gradient of some blocks and a bit, of mixed size. */
const longGradient = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 78.233) * 10 ** ((i % 7) - 4));

describe('the pieces of finishGradient', () => {
  const length = 3 * SQUARES_BLOCK_LENGTH + 12_345;
  const characters = 6400;
  const whole = longGradient(length);
  const finished = finishGradient(whole, characters, undefined);

  it('give the same bits however the vector is cut at multiples of a block', () => {
    for (const cuts of [[], [1], [2], [1, 2, 3], [3]]) {
      const sum = longGradient(length);
      const ends = [...cuts.map((block) => block * SQUARES_BLOCK_LENGTH), length];
      const blockSums = ends.map((end, i) => meanInPlace(sum.subarray(ends[i - 1] ?? 0, end), characters));
      expect(normOf(Float64Array.from(blockSums.flatMap((sums) => [...sums])))).toBe(finished.norm);
      expect(Buffer.from(sum.buffer).equals(Buffer.from(whole.buffer))).toBe(true);
    }
  });

  it('return one sum for each block, the last one shorter', () => {
    expect(meanInPlace(longGradient(length), characters).length).toBe(4);
    expect([...meanInPlace(Float32Array.of(6, 0, -8), 2)]).toEqual([25]);
    expect(meanInPlace(new Float32Array(0), 1).length).toBe(0);
  });

  it('add in the order that is promised', () => {
    expect(finished.norm).toBe(referenceNorm(whole));
    const plain = whole.reduce((squares, value) => squares + value * value, 0);
    expect(Math.abs(finished.norm / Math.sqrt(plain) - 1)).toBeLessThan(1e-12);
  });

  it('scale down to the limit, and by 1 where nothing is to be done', () => {
    expect(clipScale(5, 2.5)).toBe(0.5);
    expect([clipScale(5, 5), clipScale(5, undefined), clipScale(Infinity, 1), clipScale(NaN, 1)]).toEqual([1, 1, 1, 1]);
  });
});

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
        expect(norm).toBe(referenceNorm(gradient));
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
        const left = referenceNorm(gradient);
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
