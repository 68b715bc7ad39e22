/**
 * What a process says of itself, as one JSON object a line. The only module that knows pino: it makes the lines and
 * the errors in them; where they go is given to it, a file or standard error, and it waits for neither.
 */
import { toLockstepError } from '@lockstep/config';
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { LogLevel } from './levels.js';

/** Longest text; what peers say is bounded before. */
const MESSAGE_LENGTH_MAX = 8_000;

/** What a line may be about. */
export interface LogAbout {
  /** From 1, as people count them. */
  readonly step?: number | undefined;
  readonly shard?: number | undefined;
  /** Number of a worker in the run. */
  readonly worker?: number | undefined;
  /** Anything thrown; its stack is kept. */
  readonly err?: unknown;
}

export interface LogIdentity extends LogAbout {
  readonly process: 'coordinator' | 'supervisor' | 'worker';
  /** Of a worker, over restarts. */
  readonly name?: string;
  readonly run?: string;
}

export class ProcessLog {
  readonly #logger: Logger;

  /** @param write takes whole lines; must not throw */
  constructor(identity: LogIdentity, level: LogLevel, write: (line: string) => void) {
    this.#logger = pino(
      {
        level,
        base: { pid: process.pid, ...identity },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write },
    );
  }

  /** Whether anybody reads what is said of each step; ask before making such a line. */
  get isDetailed(): boolean {
    return this.#logger.isLevelEnabled('debug');
  }

  say(level: LogLevel, message: string, about: LogAbout = {}): void {
    this.#logger[level](about, message.slice(0, MESSAGE_LENGTH_MAX));
  }

  /** This process ends by what was thrown; where that is no bug of ours its stack tells nothing. */
  end(thrown: unknown): void {
    const { kind, line } = toLockstepError(thrown);
    this.say('fatal', line, kind === 'internal' ? { err: thrown } : {});
  }

  /** From now on every line has these, too. */
  addIdentity(more: Partial<LogIdentity>): void {
    this.#logger.setBindings(more);
  }

  /** Keeps the stack of what nobody catches; Node ends the process as it would have. */
  keepUncaught(): void {
    process.on('uncaughtExceptionMonitor', (error) => this.say('fatal', error.message, { err: error }));
  }
}
