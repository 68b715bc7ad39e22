/**
 * The characters of a run and their ids. Id 0 is [UNK]: training text never contains it (the vocabulary is built from
 * that text), a prompt may, and sampling masks it. The ids after it are the distinct code points in ascending order,
 * so that the same text gives the same ids everywhere and the list alone, as a checkpoint keeps it, rebuilds the
 * vocabulary.
 */
import { LockstepError, invariant } from '@lockstep/config';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** The id of a character that the vocabulary lacks. */
export const UNKNOWN_ID = 0;

const REPLACEMENT_CHARACTER = '\ufffd';
const DIGEST_DOMAIN = 'lockstep vocabulary 1\n';
const REBUILD_HINT = 'the vocabulary is damaged: use another checkpoint';

export interface Vocabulary {
  /** Number of ids, [UNK] included. */
  readonly size: number;
  /** The character of id i + 1, strictly ascending by code point; what a checkpoint keeps. */
  readonly characters: readonly string[];
  /** SHA-256, hex, of the characters; peers and checkpoints compare it. */
  readonly digest: string;
  /** One id for every code point of the text; UNKNOWN_ID for those that are not in the vocabulary. */
  encode(text: string): Int32Array<ArrayBuffer>;
  /** The inverse; UNKNOWN_ID becomes U+FFFD. */
  decode(ids: ArrayLike<number>): string;
}

/**
 * The vocabulary of all code points in a text.
 * @throws LockstepError 'data' when the text is empty or holds half of a surrogate pair
 */
export function buildVocabulary(text: string): Vocabulary {
  const isSeen = new Uint8Array(0x10000);
  const astral = new Set<number>();
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (!isSurrogate(unit)) {
      isSeen[unit] = 1;
      continue;
    }
    const codePoint = text.codePointAt(i) ?? unit;
    if (codePoint === unit) {
      throw new LockstepError('data', `half of a surrogate pair at index ${i} of the text`, 'give well-formed text');
    }
    astral.add(codePoint);
    i++;
  }
  const codePoints: number[] = [];
  isSeen.forEach((seen, codePoint) => {
    if (seen === 1) codePoints.push(codePoint);
  });
  codePoints.push(...[...astral].sort((a, b) => a - b));
  if (codePoints.length === 0) throw new LockstepError('data', 'the text is empty', 'give a text to learn from');
  return vocabularyOf(codePoints);
}

/**
 * The vocabulary that a checkpoint recorded.
 * @throws LockstepError 'data' unless the entries are single code points in strictly ascending order, at least one
 */
export function vocabularyFromCharacters(characters: readonly string[]): Vocabulary {
  if (characters.length === 0) throw new LockstepError('data', 'the vocabulary is empty', REBUILD_HINT);
  let previous = -1;
  const codePoints = characters.map((character, index) => {
    const codePoint = character.codePointAt(0) ?? -1;
    if (codePoint < 0 || isSurrogate(codePoint) || character.length !== (codePoint > 0xffff ? 2 : 1)) {
      throw new LockstepError('data', `vocabulary entry ${index} is not one character`, REBUILD_HINT);
    }
    if (codePoint <= previous) {
      throw new LockstepError('data', `vocabulary entry ${index} is out of order or repeated`, REBUILD_HINT);
    }
    previous = codePoint;
    return codePoint;
  });
  return vocabularyOf(codePoints);
}

function isSurrogate(codePoint: number): boolean {
  return codePoint >= 0xd800 && codePoint <= 0xdfff;
}

function vocabularyOf(codePoints: readonly number[]): Vocabulary {
  const characters = Object.freeze(codePoints.map((codePoint) => String.fromCodePoint(codePoint)));
  const basicIds = new Int32Array(0x10000);
  const astralIds = new Map<number, number>();
  codePoints.forEach((codePoint, index) => {
    if (codePoint < 0x10000) basicIds[codePoint] = index + 1;
    else astralIds.set(codePoint, index + 1);
  });
  return Object.freeze({
    size: characters.length + 1,
    characters,
    digest: bytesToHex(sha256(utf8ToBytes(DIGEST_DOMAIN + characters.join('')))),
    encode: (text: string) => encode(text, basicIds, astralIds),
    decode: (ids: ArrayLike<number>) => decode(ids, characters),
  });
}

/** A table for the first plane, a map beyond it: a corpus is encoded at memory speed, emoji still work. */
function encode(text: string, basicIds: Int32Array, astralIds: ReadonlyMap<number, number>): Int32Array<ArrayBuffer> {
  const ids = new Int32Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (!isSurrogate(unit)) {
      ids[count++] = basicIds[unit];
      continue;
    }
    const codePoint = text.codePointAt(i) ?? unit;
    if (codePoint !== unit) i++;
    ids[count++] = astralIds.get(codePoint) ?? UNKNOWN_ID;
  }
  return count === ids.length ? ids : ids.slice(0, count);
}

function decode(ids: ArrayLike<number>, characters: readonly string[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    invariant(Number.isInteger(id) && id >= 0 && id <= characters.length, `id ${id} is outside the vocabulary`);
    parts.push(id === UNKNOWN_ID ? REPLACEMENT_CHARACTER : characters[id - 1]);
  }
  return parts.join('');
}
