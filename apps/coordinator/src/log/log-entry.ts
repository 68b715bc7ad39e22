/**
 * Lines of a log file as entries. A line that is no record of ours is raw: what a library, native code or Node printed
 * on the standard error of a worker. It has no time of its own and is given that of the record before it.
 */
import { isLogLevel } from './levels.js';
import type { ShownLevel } from './levels.js';

export interface LogEntry {
  /** By the clock on the wall of the process. */
  readonly timeMs: number;
  /** The name of the file without its ending, for example `worker-0`. */
  readonly source: string;
  readonly level: ShownLevel;
  readonly message: string;
  readonly step: number | null;
  readonly pid: number | null;
  /** Lines of it; empty where nothing was thrown. */
  readonly stack: readonly string[];
  /** The whole record; null for a raw line. */
  readonly record: Readonly<Record<string, unknown>> | null;
}

/** A longer raw line is cut. */
const RAW_LENGTH_MAX = 10_000;

export class LogParser {
  readonly #source: string;
  #timeMs: number;
  /** What the last failure said: the process prints it once more, on the same file, as it ends. */
  #told: ReadonlySet<string> = new Set();

  /** @param timeMs for raw lines before the first record */
  constructor(source: string, timeMs = 0) {
    this.#source = source;
    this.#timeMs = timeMs;
  }

  /** The entry of a line; null for an empty one and for one that says again what is known. */
  read(line: string): LogEntry | null {
    if (line.trim() === '') return null;
    const record = recordIn(line);
    if (record === null) return this.#raw(line);
    const { level, time, msg, step, pid, err } = record;
    const timeMs = Date.parse(String(time));
    if (!isLogLevel(level) || Number.isNaN(timeMs) || typeof msg !== 'string') return this.#raw(line);
    this.#timeMs = timeMs;
    const stack = stackOf(err);
    if (level === 'error') this.#told = new Set(trimmed(stack));
    if (level === 'fatal') this.#told = new Set([...this.#told, ...trimmed([msg, `lockstep: ${msg}`, ...stack])]);
    return {
      ...{ timeMs, source: this.#source, level, message: msg, stack, record },
      step: typeof step === 'number' ? step : null,
      pid: typeof pid === 'number' ? pid : null,
    };
  }

  #raw(line: string): LogEntry | null {
    if (this.#told.has(line.trim())) return null;
    const about = { timeMs: this.#timeMs, source: this.#source, level: 'raw', step: null, pid: null } as const;
    return { ...about, message: line.trimEnd().slice(0, RAW_LENGTH_MAX), stack: [], record: null };
  }
}

/** Entries in the order of their times; those of one file keep theirs. */
export function mergeByTime(files: readonly (readonly LogEntry[])[]): readonly LogEntry[] {
  return files.flat().sort((a, b) => a.timeMs - b.timeMs);
}

function recordIn(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

const trimmed = (lines: readonly string[]): readonly string[] => lines.map((line) => line.trim());

function stackOf(err: unknown): readonly string[] {
  if (typeof err !== 'object' || err === null || !('stack' in err) || typeof err.stack !== 'string') return [];
  return err.stack.split('\n').filter((line) => line.trim() !== '');
}
