/** Names in a run directory: every path that other code may need comes from here. */
import { join } from 'node:path';

export interface RunPaths {
  /** The resolved config. */
  readonly config: string;
  /** The option values that the run was started with. */
  readonly options: string;
  /** The run file: who coordinates the run, where, and how far it is. */
  readonly run: string;
  readonly journal: string;
  /** What happened beside the steps, for people. */
  readonly events: string;
  readonly checkpoints: string;
  readonly summary: string;
  readonly logs: string;
  readonly lock: string;
}

export function runPaths(runDirectory: string): RunPaths {
  return {
    config: join(runDirectory, 'config.json'),
    options: join(runDirectory, 'options.json'),
    run: join(runDirectory, 'run.json'),
    journal: join(runDirectory, 'journal.ndjson'),
    events: join(runDirectory, 'events.ndjson'),
    checkpoints: join(runDirectory, 'checkpoints'),
    summary: join(runDirectory, 'summary.json'),
    logs: join(runDirectory, 'logs'),
    lock: join(runDirectory, 'lock.json'),
  };
}

/** The profile of one life of the coordinator; a run that was never interrupted has the first one only. */
export function tracePath(runDirectory: string, term: number): string {
  return join(runDirectory, term === 1 ? 'trace.json' : `trace-${term}.json`);
}
