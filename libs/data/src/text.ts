/**
 * Bytes of a corpus file to text. Decoding is strict and written out here, not left to the host's decoder, because
 * the user needs the place of the first bad byte and because a replaced byte would quietly become a character of the
 * vocabulary.
 */
import { LockstepError } from '@lockstep/config';

/** Arguments of one String.fromCharCode call: far below every engine's limit, large enough to hide the call. */
const CODE_UNITS_PER_CALL = 4096;

/** Smallest code point that needs a UTF-8 sequence of this many bytes; a smaller one in it is overlong. */
const SMALLEST_BY_LENGTH = [0, 0, 0x80, 0x800, 0x10000];

/**
 * Decodes strict UTF-8; a byte order mark at the start is dropped.
 * @param where the file's name, for the message
 * @throws LockstepError 'data' when the text is empty or a byte sequence is not UTF-8 (names its byte offset)
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const parts: string[] = [];
  let units: number[] = [];
  let offset = startsWithMark(bytes) ? 3 : 0;
  while (offset < bytes.length) {
    const codePoint = codePointAt(bytes, offset);
    if (codePoint < 0) {
      const what = `${where}: not UTF-8 at byte ${offset}`;
      throw new LockstepError('data', what, 'convert the file to UTF-8, for example with iconv');
    }
    if (codePoint < 0x10000) {
      units.push(codePoint);
      offset += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : 3;
    } else {
      units.push(0xd800 + ((codePoint - 0x10000) >> 10), 0xdc00 + (codePoint & 0x3ff));
      offset += 4;
    }
    if (units.length >= CODE_UNITS_PER_CALL) {
      parts.push(String.fromCharCode.apply(null, units));
      units = [];
    }
  }
  parts.push(String.fromCharCode.apply(null, units));
  const text = parts.join('');
  if (text === '') throw new LockstepError('data', `${where}: the text is empty`, 'give a file with text in it');
  return text;
}

function startsWithMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** The code point that starts at `offset`, or -1 where Unicode's table of well-formed sequences has none. */
function codePointAt(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset];
  if (first < 0x80) return first;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || offset + length > bytes.length) return -1;
  let codePoint = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[offset + i];
    if ((next & 0xc0) !== 0x80) return -1;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint < SMALLEST_BY_LENGTH[length] || codePoint > 0x10ffff || isSurrogate ? -1 : codePoint;
}
