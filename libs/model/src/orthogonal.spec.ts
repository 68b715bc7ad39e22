import { randomStream } from '@lockstep/data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { orthonormalVectors } from './orthogonal.js';

describe('orthonormalVectors', () => {
  it('gives unit vectors at right angles, for any count and length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 13 }), fc.integer({ min: 0, max: 9 }), fc.nat(), (count, extra, seed) => {
        const vectors = orthonormalVectors(count, count + extra, randomStream(seed));
        expect(vectors).toHaveLength(count);
        for (const [a, left] of vectors.entries()) {
          for (const [b, right] of vectors.entries()) {
            const product = left.reduce((sum, value, i) => sum + value * right[i], 0);
            expect(product).toBeCloseTo(a === b ? 1 : 0, 7);
          }
        }
      }),
    );
  });

  it('keeps the direction of the first vector drawn', () => {
    const random = randomStream(5);
    const drawn = Float64Array.from({ length: 6 }, () => random.normal());
    const norm = Math.hypot(...drawn);
    const [first] = orthonormalVectors(3, 6, randomStream(5));
    first.forEach((value, i) => expect(value).toBeCloseTo(drawn[i] / norm, 12));
  });
});
