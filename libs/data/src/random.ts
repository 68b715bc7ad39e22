/**
 * Random numbers by name. Each use has its own stream, addressed by a path such as ('shuffle', epoch), so that adding
 * a draw in one place moves no number in another, and any process can open any stream at any time. The key is a
 * SHA-256 of the seed and path; its first 128 bits are the state of xoroshiro128+ (Blackman and Vigna 2018).
 */
import { invariant } from '@lockstep/config';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

const KEY_DOMAIN = 'lockstep random stream 1\n';

/** A reproducible source of random numbers; every call moves it on. */
export interface RandomStream {
  /** A whole number, 0 <= n < 2^32. */
  uint32(): number;
  /** 0 <= x < 1 in steps of 2^-24, so that float32 holds every value exactly. */
  uniform(): number;
  /**
   * Standard normal, by Marsaglia's polar method (1964). Its square root is exact to the last bit everywhere; the
   * bits of Math.log are the JavaScript engine's choice, so equal bits are promised within one engine only.
   */
  normal(): number;
  /** A whole number, 0 <= n < limit, each equally likely; 1 <= limit <= 2^32. */
  below(limit: number): number;
}

/** The stream that a seed and a path name. Paths differ when any part does; 1 and '1' are different parts. */
export function randomStream(seed: number, ...path: readonly (string | number)[]): RandomStream {
  for (const part of [seed, ...path]) {
    invariant(typeof part === 'string' || Number.isSafeInteger(part), `random stream part ${part} is not whole`);
  }
  const key = sha256(utf8ToBytes(KEY_DOMAIN + JSON.stringify([seed, ...path])));
  const view = new DataView(key.buffer, key.byteOffset);
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => view.getInt32(offset, true)));
  let spare: number | undefined;

  function uint32(): number {
    return generator.next() >>> 0;
  }

  function uniform(): number {
    return (generator.next() >>> 8) * 2 ** -24;
  }

  function normal(): number {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * scale;
      return x * scale;
    }
  }

  // Rejection on the leading bits: no bias, and the low bits of xoroshiro128+, its weak ones, are never used.
  function below(limit: number): number {
    invariant(Number.isInteger(limit) && limit >= 1 && limit <= 2 ** 32, `random limit ${limit}`);
    if (limit === 1) return 0;
    const shift = Math.clz32(limit - 1);
    for (;;) {
      const value = generator.next() >>> shift;
      if (value < limit) return value;
    }
  }

  return Object.freeze({ uint32, uniform, normal, below });
}
