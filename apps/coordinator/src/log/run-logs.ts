/** The log files of a run, one for each of its processes; workers of other machines keep theirs where they are. */
import { runPaths } from '@lockstep/checkpoint';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mergeByTime } from './log-entry.js';
import type { LogEntry } from './log-entry.js';
import { last, LogReader } from './log-reader.js';

const LOG_NAME = /^(coordinator|supervisor|worker-\d+)\.log$/;

export const COORDINATOR_LOG = 'coordinator.log';
export const SUPERVISOR_LOG = 'supervisor.log';

/** @param index of the local worker */
export function workerLog(index: number): string {
  return `worker-${index}.log`;
}

/** Names of the processes of a run that have a log, for example `worker-0`. */
export function logSources(runDirectory: string): readonly string[] {
  try {
    const names = readdirSync(runPaths(runDirectory).logs).filter((name) => LOG_NAME.test(name));
    return names.map((name) => name.replace(/\.log$/, '')).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

type Fits = (entry: LogEntry) => boolean;

/** The logs of a run, or one of them, as one sequence by time. */
export class RunLogs {
  readonly #directory: string;
  readonly #only: string | null;
  readonly #readers = new Map<string, LogReader>();

  /** @param only name of the one process that is asked for; null for all */
  constructor(directory: string, only: string | null) {
    this.#directory = directory;
    this.#only = only;
  }

  /** The last entries that fit. */
  tail(count: number, fits: Fits): readonly LogEntry[] {
    return last(mergeByTime(this.#all().map((reader) => reader.tail(count, fits))), count);
  }

  /** What has come since, in files that have come since, too. */
  more(fits: Fits): readonly LogEntry[] {
    return mergeByTime(this.#all().map((reader) => reader.more())).filter(fits);
  }

  #all(): readonly LogReader[] {
    for (const source of logSources(this.#directory)) {
      if (this.#readers.has(source) || (this.#only !== null && source !== this.#only)) continue;
      this.#readers.set(source, new LogReader(join(runPaths(this.#directory).logs, `${source}.log`), source));
    }
    return [...this.#readers.values()];
  }
}
