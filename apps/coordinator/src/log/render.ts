/** Log entries as people read them: one line each, columns aligned, nothing that could move a cursor. */
import { styleText } from 'node:util';
import { printable } from '../views/printable.js';
import type { ShownLevel } from './levels.js';
import type { LogEntry } from './log-entry.js';

const LEVEL_COLUMNS = 5;
/** `coordinator` */
const SOURCE_COLUMNS = 11;
const STACK_INDENT = '    ';
const COLOURS = { debug: 'gray', warn: 'yellow', error: 'red', fatal: 'red', raw: 'cyan' } as const;

/** `06:15:02.123Z`: of the same hour on all machines. */
function timeOf({ timeMs }: LogEntry): string {
  return new Date(timeMs).toISOString().slice(11);
}

function textOf({ message, step }: LogEntry): string {
  return `${step === null ? '' : `step ${step}: `}${printable(message)}`;
}

/** Without its source and its stack, for a reader who knows both. */
export function briefLine(entry: LogEntry): string {
  return `${timeOf(entry)} ${entry.level.padEnd(LEVEL_COLUMNS)} ${textOf(entry)}`;
}

/** `worker-0` as `worker 0`. */
export function sourceName(source: string): string {
  return source.replace('-', ' ');
}

export class LogRenderer {
  readonly #colours: boolean;
  #day = '';

  constructor(colours: boolean) {
    this.#colours = colours;
  }

  /** Lines of one entry; the day before the first of each day. */
  lines(entry: LogEntry): readonly string[] {
    const day = new Date(entry.timeMs).toISOString().slice(0, 10);
    const heading = day === this.#day ? [] : [`-- ${day} --`];
    this.#day = day;
    const level = this.#inColour(entry.level, entry.level.padEnd(LEVEL_COLUMNS));
    const source = sourceName(entry.source).padEnd(SOURCE_COLUMNS);
    const stack = entry.stack.map((line) => this.#inColour('debug', `${STACK_INDENT}${printable(line)}`));
    return [...heading, `${timeOf(entry)} ${level} ${source}  ${textOf(entry)}`, ...stack];
  }

  #inColour(level: ShownLevel, text: string): string {
    return this.#colours && level !== 'info' ? styleText(COLOURS[level], text, { validateStream: false }) : text;
  }
}

/** One JSON object: the record as it was written, or a raw line in the form of one. */
export function jsonLine({ record, source, level, timeMs, message }: LogEntry): string {
  const time = new Date(timeMs).toISOString();
  return JSON.stringify({ log: source, ...(record ?? { level, time, msg: message }) });
}
