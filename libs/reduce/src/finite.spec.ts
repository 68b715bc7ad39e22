import { describe, expect, it } from 'vitest';
import { allFinite } from './finite.js';

describe('allFinite', () => {
  it.each([[[]], [[0, -0]], [[3.4e38, -3.4e38, 1e-45]]])('holds for %j', (values) => {
    expect(allFinite(Float32Array.from(values))).toBe(true);
  });

  it.each([Number.NaN, Infinity, -Infinity])('finds %d wherever it is', (odd) => {
    for (let index = 0; index < 5; index += 1) {
      const vector = Float32Array.from([1, -2, 3, -4, 5]);
      vector[index] = odd;
      expect(allFinite(vector)).toBe(false);
    }
  });
});
