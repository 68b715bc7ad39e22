/** What a process wrote last that tells why it ended. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 8_192;
const WORDS_MAX = 400;

/** The last line of a log that our own error handler wrote, or else its very last; empty when it cannot be read. */
export function lastWordsIn(logFile: string): string {
  const lines = tailOf(logFile)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((one) => one.startsWith('lockstep: ')) ?? lines.at(-1) ?? '';
  return line.slice(0, WORDS_MAX);
}

function tailOf(path: string): string {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const length = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString('utf8', 0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
