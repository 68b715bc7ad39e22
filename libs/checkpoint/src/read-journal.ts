/**
 * Reading a journal back after any crash. What a crash can tear is the end: the last line, and a part of a line after
 * it. That is dropped and reported. A broken line before others is no crash but damage, and steps after it cannot be
 * trusted: an error. So is a line whose checksum does not fit.
 */
import { createReadStream } from 'node:fs';
import { LockstepError } from '@lockstep/config';
import { ioError } from './io-error.js';
import { journalLine, parseLine } from './journal-line.js';
import type { JournalLine } from './journal-line.js';
import { JOURNAL_LINE_BYTES_MAX } from './limits.js';
import { FIRST_SUM, unsealLine } from './line-sum.js';

const LINE_END = 0x0a;

export interface TornTail {
  /** Counted from 1. */
  readonly lineNumber: number;
  readonly reason: string;
}

export interface JournalContent {
  readonly lines: readonly JournalLine[];
  /** Checksum of the last line. */
  readonly lastSum: string;
  readonly tornTail: TornTail | null;
}

/** Where the sound lines of a journal end. */
export interface JournalEnd {
  /** Length of the file up to there, and of what comes after it. */
  readonly soundBytes: number;
  readonly tornBytes: number;
  /** Checksum of the last sound line, which the next one goes on from. */
  readonly lastSum: string;
  readonly tornTail: TornTail | null;
}

/**
 * Reads a journal; it may be in use.
 * @throws LockstepError 'data' naming the number of a line that is altered, missing or out of place, of a broken line
 * that is not the last, or of a whole one that says nothing a journal says; 'io' when the file cannot be read
 */
export async function readJournal(path: string): Promise<JournalContent> {
  const lines: JournalLine[] = [];
  const { lastSum, tornTail } = await scanJournal(path, (lineNumber, json) => {
    const parsed = parseLine(json);
    if ('problem' in parsed) refuseLine(path, { lineNumber, reason: parsed.problem });
    lines.push(checkLine(path, lineNumber, parsed.line));
  });
  return { lines, lastSum, tornTail };
}

/**
 * Holds the lines of a journal against their checksums.
 * @param onLine gets each sound line, without its checksum
 * @throws LockstepError as `readJournal`, but for what the lines say
 */
export async function scanJournal(
  path: string,
  onLine: (lineNumber: number, json: Uint8Array) => void = () => undefined,
): Promise<JournalEnd> {
  let [lineNumber, soundBytes, tornBytes, lastSum] = [1, 0, 0, FIRST_SUM];
  let tornTail: TornTail | null = null;
  for await (const { bytes, isComplete } of linesOf(path)) {
    if (!isComplete) {
      tornBytes += bytes.length;
      tornTail ??= { lineNumber, reason: 'it has no line end' };
      break;
    }
    if (tornTail !== null) refuseLine(path, tornTail);
    const unsealed = unsealLine(bytes, lastSum);
    if ('problem' in unsealed) {
      const parsed = parseLine(bytes);
      // A crash cannot turn one whole line into another: what is JSON and does not fit is damage.
      if ('line' in parsed) refuseLine(path, { lineNumber, reason: unsealed.problem });
      tornTail = { lineNumber, reason: parsed.problem };
      tornBytes = bytes.length + 1;
    } else {
      onLine(lineNumber, unsealed.json);
      lastSum = unsealed.sum;
      soundBytes += bytes.length + 1;
      lineNumber += 1;
    }
  }
  return { soundBytes, tornBytes, lastSum, tornTail };
}

/** What was written as a line but is none of a journal is of another version. */
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
