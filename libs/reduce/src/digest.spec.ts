import { describe, expect, it } from 'vitest';
import { bytesOf, digestOf } from './digest.js';

const encoder = new TextEncoder();

describe('digestOf', () => {
  it('is xxh64: the published vectors', () => {
    expect(digestOf(new Uint8Array(0))).toBe('ef46db3751d8e999');
    expect(digestOf(encoder.encode('a'))).toBe('d24ec4f1a98c6e5b');
    expect(digestOf(encoder.encode('abc'))).toBe('44bc2cf5ad770999');
  });

  it.each([
    [31, 'f9c815c599cbb32d'],
    [32, 'ba7bafd4734262dd'],
    [33, '791cbe857e7fa007'],
    [65_537, 'f137be989b27f237'],
    [200_001, '4481381e0eb8b5f7'],
  ])('gives what two other implementations give for %i bytes, wherever they lie', (length, expected) => {
    const memory = Uint8Array.from(
      { length: length + 3 },
      (_, index) => ((index - 3) * 31 + ((index - 3) >> 8)) & 0xff,
    );
    expect(digestOf(memory.subarray(3))).toBe(expected);
    expect(digestOf(memory.slice(3))).toBe(expected);
  });

  it('sees one changed bit anywhere', () => {
    const weights = Float32Array.from({ length: 50_000 }, (_, index) => Math.fround(index / 7));
    const before = digestOf(bytesOf(weights));
    for (const place of [0, 16_383, 16_384, 49_999]) {
      const changed = weights.slice();
      bytesOf(changed)[4 * place] ^= 1;
      expect(digestOf(bytesOf(changed))).not.toBe(before);
    }
    expect(digestOf(bytesOf(weights))).toBe(before);
  });

  it('writes sixteen digits when the first are zero', () => {
    const short = Array.from({ length: 2000 }, (_, index) => digestOf(encoder.encode(String(index))));
    expect(short.every((hex) => /^[0-9a-f]{16}$/.test(hex))).toBe(true);
    expect(short.some((hex) => hex.startsWith('0'))).toBe(true);
  });
});

describe('bytesOf', () => {
  it('views the bytes little-endian, without a copy', () => {
    const array = Float32Array.of(1, -2);
    const bytes = bytesOf(array);
    expect([...bytes]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    array[0] = 0;
    expect([...bytes.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
  });

  it('views just its part of a larger buffer', () => {
    const part = Float32Array.of(1, 2, 3).subarray(1, 2);
    expect([...bytesOf(part)]).toEqual([0, 0, 0, 0x40]);
  });
});
