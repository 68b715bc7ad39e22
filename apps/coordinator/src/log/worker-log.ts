/**
 * The log of a worker: a file in the run directory for one that this machine's supervisor has started, standard error
 * for one that was started by hand, as lines for people or as JSON. Standard error of the former is the same file, for
 * what libraries print.
 */
import type { LogPlace, WorkerLog } from '@lockstep/worker';
import { LOG_LINES_MAX } from '@lockstep/protocol';
import { toLockstepError } from '@lockstep/config';
import { printable } from '../views/printable.js';
import type { LogLevel } from './levels.js';
import { LogParser } from './log-entry.js';
import { LogFile } from './log-file.js';
import { ProcessLog } from './process-log.js';
import type { LogIdentity } from './process-log.js';
import { briefLine } from './render.js';
import { lastWordsOf } from './tail-lines.js';

interface Sink {
  write(line: string): void;
  lastLines(): readonly string[];
}

export interface WorkerLogOptions {
  readonly identity: Omit<LogIdentity, 'process'>;
  readonly level: LogLevel;
  /** Of a worker of this machine's supervisor; otherwise null. */
  readonly file: string | null;
  readonly format: 'pretty' | 'json';
}

const WARNING = /^(disconnected|dropped|ignored|other workers cannot) /;
const JOINED = /^joined run \S+ as worker (\d+)/;

/** Also keeps what nobody catches. */
export class WorkerProcessLog implements WorkerLog {
  readonly #sink: Sink;
  readonly #log: ProcessLog;
  #failure: unknown;

  constructor({ identity, level, file, format }: WorkerLogOptions) {
    this.#sink = file === null ? new StandardError(format) : new OwnFile(file);
    this.#log = new ProcessLog({ process: 'worker', ...identity }, level, (line) => this.#sink.write(line));
    this.#log.keepUncaught();
  }

  get isDetailed(): boolean {
    return this.#log.isDetailed;
  }

  note(what: string): void {
    const slot = JOINED.exec(what)?.[1];
    if (slot !== undefined) this.#log.addIdentity({ worker: Number(slot) });
    this.#log.say(WARNING.test(what) ? 'warn' : 'info', what);
  }

  detail(what: string, about: LogPlace): void {
    this.#log.say('debug', what, placed(about));
  }

  failure(thrown: unknown, about: LogPlace): void {
    this.#failure ??= thrown;
    this.#log.say('error', toLockstepError(thrown).message, { ...placed(about), err: thrown });
  }

  /**
   * The last record: this process ends by what was thrown.
   * @returns what to tell as the reason, with the stack of where it began
   */
  end(thrown: unknown): unknown {
    const { line, message } = toLockstepError(thrown);
    const isKnown = this.#failure !== undefined && toLockstepError(this.#failure).message === message;
    if (isKnown) this.#log.say('fatal', line);
    else this.#log.end(thrown);
    return isKnown ? this.#failure : thrown;
  }

  lastLines(): readonly string[] {
    return this.#sink.lastLines();
  }
}

function placed({ step, ...about }: LogPlace): LogPlace {
  return step === undefined ? about : { ...about, step: step + 1 };
}

class OwnFile implements Sink {
  readonly #path: string;
  readonly #file: LogFile;

  constructor(path: string) {
    this.#path = path;
    this.#file = new LogFile(path);
  }

  write(line: string): void {
    this.#file.write(line);
  }

  lastLines(): readonly string[] {
    return lastWordsOf(this.#path, process.pid, LOG_LINES_MAX).log;
  }
}

class StandardError implements Sink {
  readonly #isPretty: boolean;
  readonly #parser = new LogParser('worker');
  readonly #last: string[] = [];

  constructor(format: WorkerLogOptions['format']) {
    this.#isPretty = format === 'pretty';
  }

  write(line: string): void {
    const entry = this.#parser.read(line);
    if (entry === null) return;
    this.#last.push(briefLine(entry));
    if (this.#last.length > LOG_LINES_MAX) this.#last.shift();
    if (!this.#isPretty) process.stderr.write(line);
    // What ends the process is said once, as it ends.
    else if (entry.level !== 'fatal' && entry.level !== 'error') {
      const step = entry.step === null ? '' : `step ${entry.step}: `;
      process.stderr.write(`worker pid ${process.pid}: ${step}${printable(entry.message)}\n`);
    }
  }

  lastLines(): readonly string[] {
    return this.#last;
  }
}
