/** `lockstep logs`: what the processes of a run have said, as one sequence by time, also while it goes on. */
import { runPaths } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isAtLeast, isLogLevel, LOG_LEVELS } from '../log/levels.js';
import type { LogEntry } from '../log/log-entry.js';
import { jsonLine, LogRenderer, sourceName } from '../log/render.js';
import { logSources, RunLogs } from '../log/run-logs.js';
import { findRun, RUN_POSITIONAL } from './find-run.js';
import type { CommandBody } from './command-body.js';

const LOOK_EVERY_MS = 200;
const LINES_MAX = 100_000;

export const logsCommand: CommandBody = {
  builder: (cli) =>
    cli
      .positional('process', {
        type: 'string',
        array: true,
        describe: 'Number or name of a local worker, coordinator or supervisor; all when not given',
      })
      .option('run', { ...RUN_POSITIONAL, requiresArg: true })
      .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on until Ctrl-C' })
      .option('level', {
        choices: LOG_LEVELS,
        default: 'debug',
        describe: 'Show what matters at least so much; raw lines of libraries count as warn',
      })
      .option('lines', { alias: 'n', type: 'number', default: 200, describe: 'Begin with the last so many lines' })
      .option('json', { type: 'boolean', default: false, describe: 'Print one JSON object a line' })
      .example('$0 logs', 'the last lines of all processes of the run')
      .example('$0 logs 0 --follow', 'what worker 0 says, as it says it')
      .example('$0 logs --level warn --run runs/mine', 'what was out of order in a run'),
  handler: async (argv) => {
    const directory = await directoryOf(argv['run']);
    const words = Array.isArray(argv['process']) ? argv['process'].map(String) : [];
    const only = words.length === 0 ? null : sourceOf(words.join(' '));
    const sources = logSources(directory);
    if (argv['follow'] !== true && (only === null ? sources.length === 0 : !sources.includes(only))) {
      throw noLog(directory, only, sources);
    }
    const show = printer(argv['json'] === true);
    const { level } = argv;
    const fits = (entry: LogEntry): boolean => !isLogLevel(level) || isAtLeast(entry.level, level);
    const logs = new RunLogs(directory, only);
    logs.tail(lineCount(argv['lines']), fits).forEach(show);
    if (argv['follow'] === true) await follow(() => logs.more(fits).forEach(show));
  },
};

/** A run that has not begun to compute has logs already. */
async function directoryOf(given: unknown): Promise<string> {
  if (typeof given === 'string' && existsSync(runPaths(given).logs)) return given;
  return (await findRun(given)).path;
}

/** @throws LockstepError `usage` for the name of no process */
function sourceOf(words: string): string {
  const name = words.trim().toLowerCase();
  if (name === 'coordinator' || name === 'supervisor') return name;
  const index = /^(?:worker[ -]?|local-)?(\d{1,6})$/.exec(name)?.[1];
  if (index !== undefined) return `worker-${Number(index)}`;
  const hint = 'give the number of a local worker, coordinator or supervisor; --run names the run';
  throw new LockstepError('usage', `there is no process ${words}`, hint);
}

function noLog(directory: string, only: string | null, sources: readonly string[]): LockstepError {
  const what = only === null ? `${directory} has no logs` : `${directory} has no log of ${sourceName(only)}`;
  const hint =
    sources.length === 0
      ? 'a run of an earlier version has none, and workers of other machines keep their own'
      : `there are logs of ${sources.map(sourceName).join(', ')}`;
  return new LockstepError('usage', what, hint);
}

function lineCount(given: unknown): number {
  const count = Number(given);
  if (Number.isSafeInteger(count) && count >= 0 && count <= LINES_MAX) return count;
  throw new LockstepError('usage', `--lines ${String(given)} is not usable`, `give a whole number up to ${LINES_MAX}`);
}

function printer(asJson: boolean): (entry: LogEntry) => void {
  const { NO_COLOR, TERM } = process.env;
  const colours = process.stdout.isTTY && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
  const renderer = new LogRenderer(colours);
  return (entry) => {
    const lines = asJson ? [jsonLine(entry)] : renderer.lines(entry);
    process.stdout.write(`${lines.join('\n')}\n`);
  };
}

/** Looks again and again: there is no wait of the file system that works everywhere and sees files that come later. */
async function follow(look: () => void): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  while (!stop.signal.aborted) {
    // Whoever reads slowly sets the pace: the files keep what comes.
    if (!process.stdout.writableNeedDrain) look();
    await delay(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}
