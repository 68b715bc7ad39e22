import { randomStream } from '@lockstep/data';
import { describe, expect, it } from 'vitest';

import { pickCharacter } from './pick.js';

describe('pickCharacter', () => {
  it('takes the largest logit at temperature 0, the lowest id among equals, and never the unknown character', () => {
    const random = randomStream(1);
    expect(pickCharacter(Float32Array.of(9, 1, 3, 2), 0, random)).toBe(2);
    expect(pickCharacter(Float32Array.of(9, 1, 3, 3), 0, random)).toBe(2);
    expect(pickCharacter(Float32Array.of(9, -5), 0, random)).toBe(1);
  });

  it('draws each character as often as softmax of logits over temperature says', () => {
    const logits = Float32Array.of(5, 0, 1, -1);
    for (const temperature of [0.5, 1, 2]) {
      const random = randomStream(7, 'pick');
      const counts = [0, 0, 0, 0];
      const draws = 20_000;
      for (let i = 0; i < draws; i++) counts[pickCharacter(logits, temperature, random)]++;
      const weights = [0, 1, Math.exp(1 / temperature), Math.exp(-1 / temperature)];
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      counts.forEach((count, id) => {
        const expected = weights[id] / total;
        // Five standard deviations of a binomial count; the stream is seeded, so this passes always or never.
        const deviation = Math.sqrt((expected * (1 - expected)) / draws);
        expect(Math.abs(count / draws - expected)).toBeLessThanOrEqual(5 * deviation);
      });
    }
  });

  it('stands logits that overflow an exponential, and cold temperatures', () => {
    const random = randomStream(2);
    expect(pickCharacter(Float32Array.of(0, 3e38, -3e38), 1, random)).toBe(1);
    expect(pickCharacter(Float32Array.of(0, 1, 1.5), 1e-9, random)).toBe(2);
  });

  it('refuses what no model says', () => {
    expect(() => pickCharacter(Float32Array.of(0, NaN, NaN), 1, randomStream(1))).toThrow('logits');
    expect(() => pickCharacter(Float32Array.of(0, 1), -1, randomStream(1))).toThrow('temperature');
  });
});
