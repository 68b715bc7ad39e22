/**
 * Reads one log file while others write it: its end first, then what comes. A file that is not there yet, or not any
 * more, has nothing to say. Never more than a piece of it is in memory, beside the entries that are asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LogParser } from './log-entry.js';
import type { LogEntry } from './log-entry.js';
import { olderLog } from './log-file.js';

const FIRST_BYTES = 2 ** 16;
const PIECE_BYTES = 2 ** 20;
const LINE_BREAK = 10;

interface Piece {
  readonly bytes: Buffer;
  /** Of the whole file. */
  readonly size: number;
  readonly inode: number;
  readonly modifiedMs: number;
}

type Fits = (entry: LogEntry) => boolean;

export class LogReader {
  readonly #path: string;
  readonly #source: string;
  #parser: LogParser;
  #offset = 0;
  #inode = 0;

  constructor(path: string, source: string) {
    this.#path = path;
    this.#source = source;
    this.#parser = new LogParser(source);
  }

  /** The last entries that fit; `more` goes on from there. */
  tail(count: number, fits: Fits = () => true): readonly LogEntry[] {
    const { entries, end, inode } = lastEntries(this.#path, this.#source, count, fits);
    this.#offset = end;
    this.#inode = inode;
    this.#parser = new LogParser(this.#source, entries.at(-1)?.timeMs);
    if (entries.length >= count) return entries;
    return [...lastEntries(olderLog(this.#path), this.#source, count - entries.length, fits).entries, ...entries];
  }

  /** What has come since, as far as its lines are whole. */
  more(): readonly LogEntry[] {
    const piece = readPiece(this.#path, () => this.#offset);
    if (piece === null) return [];
    if (piece.inode !== this.#inode) {
      this.#inode = piece.inode;
      this.#offset = 0;
      return this.more();
    }
    if (piece.size < this.#offset) {
      // It was emptied: what we had not seen is in the copy.
      const unseen = readPiece(olderLog(this.#path), () => this.#offset);
      this.#offset = 0;
      return [...this.#parse(unseen?.bytes ?? Buffer.alloc(0)), ...this.more()];
    }
    const whole = wholeLines(piece.bytes);
    this.#offset += whole.byteLength;
    return this.#parse(whole);
  }

  #parse(bytes: Buffer): readonly LogEntry[] {
    return parseAll(this.#parser, bytes);
  }
}

interface Tail {
  readonly entries: readonly LogEntry[];
  /** Where the last whole line ends. */
  readonly end: number;
  readonly inode: number;
}

function lastEntries(path: string, source: string, count: number, fits: Fits): Tail {
  for (let length = FIRST_BYTES; ; length *= 4) {
    let start = 0;
    const piece = readPiece(path, (size) => (start = Math.max(0, size - length)), length);
    if (piece === null) return { entries: [], end: 0, inode: 0 };
    // The first line may be a part of one.
    const cut = start === 0 ? 0 : piece.bytes.indexOf(LINE_BREAK) + 1;
    const whole = wholeLines(piece.bytes);
    const all = parseAll(new LogParser(source), whole.subarray(cut));
    const entries = datedFromTheStart(all, piece.modifiedMs).filter(fits);
    if (entries.length < count && start > 0) continue;
    return { entries: last(entries, count), end: start + whole.byteLength, inode: piece.inode };
  }
}

/** The last so many; `slice(-0)` would be all. */
export function last<T>(items: readonly T[], count: number): readonly T[] {
  return items.slice(Math.max(0, items.length - count));
}

/** Raw lines before the first record get its time. */
function datedFromTheStart(entries: readonly LogEntry[], modifiedMs: number): readonly LogEntry[] {
  const first = entries.find(({ record }) => record !== null)?.timeMs ?? modifiedMs;
  return entries.map((entry) => (entry.timeMs === 0 ? { ...entry, timeMs: first } : entry));
}

function parseAll(parser: LogParser, bytes: Buffer): readonly LogEntry[] {
  const lines = bytes.toString('utf8').split('\n');
  return lines.map((line) => parser.read(line)).filter((entry) => entry !== null);
}

/** Up to the last line break; a line that fills the piece counts as whole. */
function wholeLines(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(LINE_BREAK) + 1;
  return end === 0 && bytes.byteLength >= PIECE_BYTES ? bytes : bytes.subarray(0, end);
}

function readPiece(path: string, from: (size: number) => number, lengthMax = PIECE_BYTES): Piece | null {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { size, ino, mtimeMs } = fstatSync(descriptor);
      const start = from(size);
      const bytes = Buffer.alloc(Math.min(Math.max(0, size - start), lengthMax));
      const length = readSync(descriptor, bytes, 0, bytes.length, start);
      return { bytes: bytes.subarray(0, length), size, inode: ino, modifiedMs: mtimeMs };
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}
