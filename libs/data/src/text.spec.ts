import { LockstepError } from '@lockstep/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from './text.js';

const encoder = new TextEncoder();

function failureOf(bytes: readonly number[]): LockstepError {
  try {
    decodeText(Uint8Array.from(bytes), 'corpus.txt');
  } catch (thrown) {
    if (thrown instanceof LockstepError) return thrown;
    throw thrown;
  }
  throw new Error('decoding did not fail');
}

describe('decodeText', () => {
  it('decodes sequences of one to four bytes', () => {
    expect(decodeText(encoder.encode('a\u00e9\u4e2d\u{1f600}\n'), 'x')).toBe('a\u00e9\u4e2d\u{1f600}\n');
  });

  it('decodes the first and last code point of every length', () => {
    const text = '\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}.';
    expect(decodeText(encoder.encode(text), 'x')).toBe(text);
  });

  it('drops a byte order mark at the start and keeps one further on', () => {
    expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbb, 0xbf), 'x')).toBe('a\ufeff');
  });

  it('refuses an empty file and one with nothing but the mark', () => {
    for (const bytes of [[], [0xef, 0xbb, 0xbf]]) {
      const failure = failureOf(bytes);
      expect(failure.kind).toBe('data');
      expect(failure.message).toBe('corpus.txt: the text is empty');
    }
  });

  it.each<[string, number[], number]>([
    ['a continuation byte alone', [0x61, 0x80], 1],
    ['an overlong slash', [0x61, 0x62, 0xc0, 0xaf], 2],
    ['an overlong three-byte form', [0xe0, 0x9f, 0xbf], 0],
    ['an overlong four-byte form', [0xf0, 0x8f, 0xbf, 0xbf], 0],
    ['an encoded surrogate', [0x61, 0xed, 0xa0, 0x80], 1],
    ['a code point past the last', [0xf4, 0x90, 0x80, 0x80], 0],
    ['a byte that UTF-8 never uses', [0x61, 0xff], 1],
    ['a sequence cut off by the end', [0x61, 0x62, 0x63, 0xe4, 0xb8], 3],
    ['a sequence cut off by a letter', [0xe4, 0xb8, 0x61], 0],
    ['an offset counted from before the mark', [0xef, 0xbb, 0xbf, 0x61, 0xfe], 4],
  ])('names file and byte offset of %s', (_name, bytes, offset) => {
    const failure = failureOf(bytes);
    expect(failure.kind).toBe('data');
    expect(failure.message).toBe(`corpus.txt: not UTF-8 at byte ${offset}`);
  });

  it('agrees with the platform decoder on text with a byte changed here and there', () => {
    const damage = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })), { maxLength: 2 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), damage, (text, changes) => {
        const bytes = encoder.encode(text);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        let expected: string | undefined;
        try {
          expected = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        } catch {
          expected = undefined;
        }
        if (expected === undefined || expected === '') expect(() => decodeText(bytes, 'x')).toThrow(LockstepError);
        else expect(decodeText(bytes, 'x')).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('joins text longer than one call of the engine takes, pairs across the seam included', () => {
    const text = `a${'\u{1f600}'.repeat(5000)}b${'x'.repeat(9000)}`;
    expect(decodeText(encoder.encode(text), 'x')).toBe(text);
  });
});
