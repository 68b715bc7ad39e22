/** The supervisor's log, from the moment when the run directory is there: before, nothing is written into a folder. */
import { join } from 'node:path';
import { isLogLevel } from '../log/levels.js';
import type { LogLevel } from '../log/levels.js';
import { LogFile } from '../log/log-file.js';
import { ProcessLog } from '../log/process-log.js';
import { SUPERVISOR_LOG } from '../log/run-logs.js';

export class SupervisorLog {
  readonly #file = new LogFile(null);
  readonly #log: ProcessLog;

  constructor(run: string, level: string) {
    const least = isLogLevel(level) ? level : 'info';
    this.#log = new ProcessLog({ process: 'supervisor', run }, least, (line) => this.#file.write(line));
    this.#log.keepUncaught();
  }

  openIn(folder: string): void {
    this.#file.nameAs(join(folder, SUPERVISOR_LOG));
  }

  say(level: LogLevel, what: string): void {
    this.#log.say(level, what);
  }

  /** The run has failed. */
  failed(thrown: unknown): void {
    this.#log.end(thrown);
  }
}
