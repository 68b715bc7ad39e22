import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomStream } from './random.js';

const MASK = (1n << 64n) - 1n;
const rotateLeft = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK;

/** The published xoroshiro128+ (constants 24, 16, 37) on 64-bit words; gives the low half of each sum. */
function* referenceWords(first: bigint, second: bigint): Generator<number, never> {
  let [s0, s1] = [first, second];
  for (;;) {
    yield Number((s0 + s1) & 0xffffffffn);
    const mixed = s0 ^ s1;
    s0 = rotateLeft(s0, 24n) ^ mixed ^ ((mixed << 16n) & MASK);
    s1 = rotateLeft(mixed, 37n);
  }
}

describe('randomStream', () => {
  it('is xoroshiro128+ on the first 128 bits of the SHA-256 of seed and path', () => {
    const key = createHash('sha256').update('lockstep random stream 1\n[7,"shuffle",3]').digest();
    const word = (index: number): bigint => BigInt(key.readUInt32LE(4 * index));
    const reference = referenceWords((word(0) << 32n) | word(1), (word(2) << 32n) | word(3));
    const stream = randomStream(7, 'shuffle', 3);
    for (let i = 0; i < 1000; i++) expect(stream.uint32()).toBe(reference.next().value);
  });

  it('names streams by every part of the path, and tells numbers from their digits', () => {
    const paths: (string | number)[][] = [
      [], ['a'], ['b'], ['a', 1], ['a', '1'], ['a', 1, 0], ['a1'], ['a","1'], ['a,1'],
    ];
    const firsts = [0, 1, -1].flatMap((seed) => paths.map((path) => randomStream(seed, ...path).uint32()));
    expect(new Set(firsts).size).toBe(firsts.length);
    expect(randomStream(0, 'a', 1).uint32()).toBe(randomStream(0, 'a', 1).uint32());
  });

  it('does not share state between streams that are open together', () => {
    const alone = randomStream(1, 'x');
    const expected = [alone.uint32(), alone.normal(), alone.normal(), alone.uniform()];
    const one = randomStream(1, 'x');
    const other = randomStream(1, 'y');
    const mixed = (['uint32', 'normal', 'normal', 'uniform'] as const).map((draw) => {
      other.normal();
      return one[draw]();
    });
    expect(mixed).toEqual(expected);
  });

  it('refuses seeds and parts that are not whole numbers', () => {
    for (const bad of [0.5, Number.NaN, 2 ** 60]) {
      expect(() => randomStream(bad)).toThrow('is not whole');
      expect(() => randomStream(0, 'epoch', bad)).toThrow('is not whole');
    }
  });
});

describe('uniform', () => {
  it('gives values that float32 holds exactly, in [0, 1), spread evenly', () => {
    const stream = randomStream(2, 'uniform');
    const counts = new Array<number>(64).fill(0);
    const draws = 64_000;
    for (let i = 0; i < draws; i++) {
      const value = stream.uniform();
      if (Math.fround(value) !== value || value < 0 || value >= 1) expect.fail(`bad value ${value}`);
      counts[Math.floor(value * 64)]++;
    }
    // 63 degrees of freedom: a fair source exceeds 103 once in a thousand seeds, and this seed is fixed.
    expect(chiSquare(counts, draws / 64)).toBeLessThan(103);
  });

  it('reaches both ends of its range', () => {
    const stream = randomStream(3, 'uniform');
    let [low, high] = [1, 0];
    for (let i = 0; i < 100_000; i++) {
      const value = stream.uniform();
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    expect(low).toBeLessThan(1e-3);
    expect(high).toBeGreaterThan(0.999);
  });
});

describe('normal', () => {
  it('has the moments of the standard normal distribution', () => {
    const stream = randomStream(4, 'normal');
    const draws = 200_000;
    const sums = [0, 0, 0, 0];
    let beyondTwo = 0;
    for (let i = 0; i < draws; i++) {
      const value = stream.normal();
      for (let power = 1; power <= 4; power++) sums[power - 1] += value ** power;
      if (Math.abs(value) > 2) beyondTwo++;
    }
    const [mean, second, third, fourth] = sums.map((sum) => sum / draws);
    // Four standard errors of each estimate: sqrt(variance of the power / draws).
    const within = (variance: number): number => 4 * Math.sqrt(variance / draws);
    expect(Math.abs(mean)).toBeLessThan(within(1));
    expect(Math.abs(second - 1)).toBeLessThan(within(2));
    expect(Math.abs(third)).toBeLessThan(within(15));
    expect(Math.abs(fourth - 3)).toBeLessThan(within(96));
    expect(Math.abs(beyondTwo / draws - 0.0455)).toBeLessThan(within(0.0455 * 0.9545));
  });

  it('gives pairs that do not correlate', () => {
    const stream = randomStream(5, 'normal');
    const pairs = 100_000;
    let product = 0;
    for (let i = 0; i < pairs; i++) product += stream.normal() * stream.normal();
    expect(Math.abs(product / pairs)).toBeLessThan(4 / Math.sqrt(pairs));
  });
});

describe('below', () => {
  it.each([1, 2, 3, 5, 6, 7, 64, 100])('is fair below %i', (limit) => {
    const stream = randomStream(6, 'below', limit);
    const counts = new Array<number>(limit).fill(0);
    for (let i = 0; i < 1000 * limit; i++) counts[stream.below(limit)]++;
    const freedom = limit - 1;
    expect(chiSquare(counts, 1000)).toBeLessThanOrEqual(freedom + 4 * Math.sqrt(2 * freedom));
  });

  it('takes the leading bits of the first word that fits', () => {
    const words = randomStream(7, 'below');
    const stream = randomStream(7, 'below');
    for (let i = 0; i < 200; i++) {
      let word = words.uint32() >>> 29;
      while (word >= 5) word = words.uint32() >>> 29;
      expect(stream.below(5)).toBe(word);
    }
  });

  it('covers the whole range of 32 bits', () => {
    const words = randomStream(8, 'below');
    const stream = randomStream(8, 'below');
    for (let i = 0; i < 100; i++) expect(stream.below(2 ** 32)).toBe(words.uint32());
  });

  it('refuses limits that it cannot reach', () => {
    const stream = randomStream(9);
    for (const limit of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      expect(() => stream.below(limit)).toThrow('random limit');
    }
  });
});

function chiSquare(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
