import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { bytesOf, createDigest } from './digest.js';

const encoder = new TextEncoder();

describe('createDigest', () => {
  it('is xxh64: the published vectors', async () => {
    const digest = await createDigest();
    expect(digest(new Uint8Array(0))).toBe('ef46db3751d8e999');
    expect(digest(encoder.encode('a'))).toBe('d24ec4f1a98c6e5b');
    expect(digest(encoder.encode('abc'))).toBe('44bc2cf5ad770999');
  });

  it('does not depend on how the bytes are cut on the way', async () => {
    const digest = await createDigest();
    const { h64Raw } = await xxhash();
    for (const length of [31, 32, 33, 65_535, 65_536, 65_537, 131_072, 200_001]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
      expect(digest(bytes)).toBe(h64Raw(bytes).toString(16).padStart(16, '0'));
    }
  });

  it('sees one changed bit anywhere', async () => {
    const digest = await createDigest();
    const weights = Float32Array.from({ length: 50_000 }, (_, index) => Math.fround(index / 7));
    const before = digest(bytesOf(weights));
    for (const place of [0, 16_383, 16_384, 49_999]) {
      const changed = weights.slice();
      bytesOf(changed)[4 * place] ^= 1;
      expect(digest(bytesOf(changed))).not.toBe(before);
    }
    expect(digest(bytesOf(weights))).toBe(before);
  });

  it('writes sixteen digits when the first are zero', async () => {
    const digest = await createDigest();
    const short = Array.from({ length: 2000 }, (_, index) => digest(encoder.encode(String(index))));
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
