/**
 * Reading a journal back after any crash. What a crash can tear is the end: the last line, and a part of a line after
 * it. That is dropped and reported. A broken line before others is no crash but damage, and steps after it cannot be
 * trusted: an error.
 */
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { LockstepError } from '@lockstep/config';
import { ioError } from './io-error.js';
import { journalLine, parseLine } from './journal-line.js';
import type { JournalLine } from './journal-line.js';
import { JOURNAL_LINE_BYTES_MAX } from './limits.js';

const LINE_END = 0x0a;

export interface TornTail {
  /** Counted from 1. */
  readonly lineNumber: number;
  readonly reason: string;
}

export interface JournalContent {
  readonly lines: readonly JournalLine[];
  readonly tornTail: TornTail | null;
}

/**
 * Reads a journal; it may be in use.
 * @throws LockstepError 'data' naming the number of a broken line that is not the last, or of a whole one that says
 * nothing a journal says; 'io' when the file cannot be read
 */
export async function readJournal(path: string): Promise<JournalContent> {
  const lines: JournalLine[] = [];
  let tornTail: TornTail | null = null;
  for await (const { bytes, isComplete } of linesOf(path)) {
    const lineNumber = lines.length + 1;
    if (!isComplete) return { lines, tornTail: tornTail ?? { lineNumber, reason: 'it has no line end' } };
    if (tornTail !== null) refuseLine(path, tornTail);
    const parsed = parseLine(bytes);
    if ('line' in parsed) lines.push(checkLine(path, lineNumber, parsed.line));
    else tornTail = { lineNumber, reason: parsed.problem };
  }
  return { lines, tornTail };
}

/**
 * The length in bytes of a journal without its torn tail.
 * @throws LockstepError 'data' when its end is no journal at all
 */
export async function soundLength(handle: FileHandle, path: string): Promise<number> {
  const { size } = await handle.stat();
  // Enough for a torn line and the whole one before it.
  const window = Buffer.alloc(Math.min(size, 2 * JOURNAL_LINE_BYTES_MAX));
  const start = size - window.length;
  for (let filled = 0; filled < window.length;) {
    const { bytesRead } = await handle.read(window, filled, window.length - filled, start + filled);
    if (bytesRead === 0) {
      throw new LockstepError('io', `${path} shrank while it was opened`, 'stop the other process that writes there');
    }
    filled += bytesRead;
  }
  const end = window.lastIndexOf(LINE_END) + 1;
  const lastLine = end < 2 ? 0 : window.lastIndexOf(LINE_END, end - 2) + 1;
  if (start > 0 && lastLine === 0) {
    const hint = 'the file is damaged or no journal; go on from a checkpoint in a new run directory';
    throw new LockstepError('data', `${path}: its last line is longer than ${JOURNAL_LINE_BYTES_MAX} bytes`, hint);
  }
  const isLastSound = end > 0 && 'line' in parseLine(window.subarray(lastLine, end - 1));
  return start + (isLastSound ? end : lastLine);
}

/** A crash cannot turn one whole line into another: what is JSON but no line of a journal is damage. */
function checkLine(path: string, lineNumber: number, line: unknown): JournalLine {
  const checked = journalLine.safeParse(line);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  return refuseLine(path, { lineNumber, reason: `${issue?.path.join('.') || 'content'}: ${issue?.message}` });
}

interface RawLine {
  readonly bytes: Uint8Array;
  /** False for what follows the last line end. */
  readonly isComplete: boolean;
}

async function* linesOf(path: string): AsyncGenerator<RawLine> {
  let rest: Buffer = Buffer.alloc(0);
  let lineNumber = 1;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      let begin = 0;
      for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END, begin)) {
        yield { bytes: rest.subarray(begin, end), isComplete: true };
        begin = end + 1;
        lineNumber += 1;
      }
      rest = rest.subarray(begin);
      if (rest.length > JOURNAL_LINE_BYTES_MAX) {
        refuseLine(path, { lineNumber, reason: `it is longer than ${JOURNAL_LINE_BYTES_MAX} bytes` });
      }
    }
  } catch (thrown) {
    throw ioError('read the journal', path, thrown);
  }
  if (rest.length > 0) yield { bytes: rest, isComplete: false };
}

/** @throws LockstepError 'data' naming file, line and reason */
export function refuseLine(path: string, { lineNumber, reason }: TornTail): never {
  const hint = 'the journal is damaged or of another version; go on from a checkpoint in a new run directory';
  throw new LockstepError('data', `${path}: line ${lineNumber}: ${reason}`, hint);
}
