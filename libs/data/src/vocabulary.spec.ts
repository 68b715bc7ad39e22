import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNKNOWN_ID, buildVocabulary, vocabularyFromCharacters } from './vocabulary.js';

/** Text without halves of surrogate pairs, of all planes. */
const wellFormedText = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });

describe('buildVocabulary', () => {
  it('puts [UNK] first and the distinct code points after it in ascending order', () => {
    const vocabulary = buildVocabulary('banana\n');
    expect(vocabulary.characters).toEqual(['\n', 'a', 'b', 'n']);
    expect(vocabulary.size).toBe(5);
    expect([...vocabulary.encode('nab\n')]).toEqual([4, 2, 3, 1]);
  });

  it('orders by code point, not by UTF-16 unit', () => {
    expect(buildVocabulary('\u{1f600}\uff5e').characters).toEqual(['\uff5e', '\u{1f600}']);
  });

  it('gives an astral code point one id', () => {
    const vocabulary = buildVocabulary('a\u{1f600}b\u{1f601}');
    expect([...vocabulary.encode('\u{1f601}a\u{1f600}')]).toEqual([4, 1, 3]);
    expect(vocabulary.decode([4, 1, 3])).toBe('\u{1f601}a\u{1f600}');
  });

  it('refuses no text and broken text', () => {
    expect(() => buildVocabulary('')).toThrow('the text is empty');
    expect(() => buildVocabulary('ab\ud83d')).toThrow('half of a surrogate pair at index 2');
    expect(() => buildVocabulary('a\ude00b')).toThrow('half of a surrogate pair at index 1');
  });

  it('never gives a training text the unknown id, and decodes what it encoded', () => {
    fc.assert(
      fc.property(wellFormedText, (text) => {
        const vocabulary = buildVocabulary(text);
        const ids = vocabulary.encode(text);
        expect(ids.length).toBe([...text].length);
        expect(ids.includes(UNKNOWN_ID)).toBe(false);
        expect(Math.max(...ids)).toBe(vocabulary.size - 1);
        expect(vocabulary.decode(ids)).toBe(text);
      }),
    );
  });
});

describe('unknown characters', () => {
  it('are encoded as id 0 and decoded as U+FFFD, one each', () => {
    const vocabulary = buildVocabulary('abc');
    const ids = vocabulary.encode('a\u{1f600}b?\ud800c');
    expect([...ids]).toEqual([1, 0, 2, 0, 0, 3]);
    expect(vocabulary.decode(ids)).toBe('a\ufffdb\ufffd\ufffdc');
  });

  it('are not ids past the end: those are a bug of the caller', () => {
    const vocabulary = buildVocabulary('abc');
    for (const id of [4, -1, 0.5]) expect(() => vocabulary.decode([id])).toThrow('outside the vocabulary');
  });
});

describe('vocabularyFromCharacters', () => {
  it('rebuilds the same vocabulary from what a checkpoint keeps', () => {
    fc.assert(
      fc.property(wellFormedText, (text) => {
        const built = buildVocabulary(text);
        const rebuilt = vocabularyFromCharacters([...built.characters]);
        expect(rebuilt.digest).toBe(built.digest);
        expect(rebuilt.size).toBe(built.size);
        expect(rebuilt.encode(text)).toEqual(built.encode(text));
      }),
    );
  });

  it.each<[string, string[], string]>([
    ['no characters', [], 'the vocabulary is empty'],
    ['an empty entry', ['a', ''], 'vocabulary entry 1 is not one character'],
    ['two characters in one entry', ['ab'], 'vocabulary entry 0 is not one character'],
    ['a letter with a combining mark', ['e\u0301'], 'vocabulary entry 0 is not one character'],
    ['half of a pair', ['a', '\ud83d'], 'vocabulary entry 1 is not one character'],
    ['a repeated entry', ['a', 'a'], 'vocabulary entry 1 is out of order or repeated'],
    ['a descending entry', ['b', 'a'], 'vocabulary entry 1 is out of order or repeated'],
    ['order by UTF-16 unit', ['\u{1f600}', '\uff5e'], 'vocabulary entry 1 is out of order or repeated'],
  ])('refuses %s', (_name, characters, message) => {
    expect(() => vocabularyFromCharacters(characters)).toThrow(expect.objectContaining({ kind: 'data', message }));
  });
});

describe('digest', () => {
  it('is the SHA-256 of the domain and the characters', () => {
    const expected = createHash('sha256').update('lockstep vocabulary 1\nab\u{1f600}', 'utf8').digest('hex');
    expect(buildVocabulary('b\u{1f600}a').digest).toBe(expected);
  });

  it('differs when the characters differ', () => {
    expect(buildVocabulary('ab').digest).not.toBe(buildVocabulary('abc').digest);
  });
});
