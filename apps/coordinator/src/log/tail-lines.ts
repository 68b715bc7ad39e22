/** What a process logged last, as lines for another process to show, and the last failure in them. */
import type { LogEntry } from './log-entry.js';
import { LogReader } from './log-reader.js';
import { briefLine } from './render.js';

/** Entries of a life that are looked at. */
const ENTRIES_MAX = 200;

export interface LastWords {
  /** Of its last fatal record, or else of its last error; null for one that did not say. */
  readonly said: string | null;
  readonly stack: string;
  /** The last lines, the newest last. */
  readonly log: readonly string[];
}

/**
 * @param path of the log of a worker, to which each of its lives adds
 * @param pid of the life that is meant
 */
export function lastWordsOf(path: string, pid: number | undefined, linesMax: number): LastWords {
  const entries = entriesOf(path, pid);
  const failures = entries.filter(({ level }) => level === 'fatal' || level === 'error');
  const said = (failures.findLast(({ level }) => level === 'fatal') ?? failures.at(-1))?.message ?? null;
  const stack = failures.findLast((entry) => entry.stack.length > 0)?.stack ?? [];
  return { said, stack: stack.join('\n'), log: entries.slice(-linesMax).map(briefLine) };
}

/** Everything after the last record of another life: raw lines have no pid. */
function entriesOf(path: string, pid: number | undefined): readonly LogEntry[] {
  const entries = new LogReader(path, '').tail(ENTRIES_MAX);
  const before = entries.findLastIndex((entry) => entry.pid !== null && entry.pid !== pid);
  return entries.slice(before + 1);
}
