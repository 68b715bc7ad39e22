/**
 * Each journal line ends with a checksum over its own bytes and the checksum of the line before. So a line that is
 * altered, missing or out of place shows, however long ago its step was: no checkpoint and no replay looks there.
 */
import { createHash } from 'node:crypto';

/** Before the first line. */
export const FIRST_SUM = '0'.repeat(16);

const FIELD = ',"sum":"';
const END = '"}';
const TAIL_LENGTH = FIELD.length + FIRST_SUM.length + END.length;

/** First 16 digits of a SHA-256: enough against accidents, and short beside a line. */
function sumOf(content: string | Uint8Array, before: string): string {
  return createHash('sha256').update(before).update(content).digest('hex').slice(0, FIRST_SUM.length);
}

/**
 * Adds the checksum to a line.
 * @param json an object with at least one field, without a line end
 * @param before the checksum of the line before
 */
export function sealLine(json: string, before: string): { readonly text: string; readonly sum: string } {
  const content = json.slice(0, -1);
  const sum = sumOf(content, before);
  return { text: `${content}${FIELD}${sum}${END}`, sum };
}

/** Checks and takes off the checksum of a line; the problem is one line. */
export function unsealLine(
  bytes: Uint8Array,
  before: string,
): { readonly json: Uint8Array; readonly sum: string } | { readonly problem: string } {
  const tailAt = bytes.length - TAIL_LENGTH;
  const tail = new TextDecoder('latin1').decode(bytes.subarray(Math.max(0, tailAt)));
  if (tailAt <= 0 || !tail.startsWith(FIELD) || !tail.endsWith(END)) return { problem: 'it has no checksum' };
  const sum = sumOf(bytes.subarray(0, tailAt), before);
  if (tail !== `${FIELD}${sum}${END}`) {
    return { problem: 'its checksum does not fit: it was altered, or the line before it is missing or out of place' };
  }
  const json = bytes.slice(0, tailAt + 1);
  json[tailAt] = '}'.charCodeAt(0);
  return { json, sum };
}
