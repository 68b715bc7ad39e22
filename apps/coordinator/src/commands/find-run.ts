/**
 * Which run `lockstep status`, `stop`, `scale` and their like mean: the directory given, or one below runs/, and how
 * it stands now.
 */
import { isSameProcess, readRunFile, readSummary, runPaths } from '@lockstep/checkpoint';
import type { RunFile, RunSummary } from '@lockstep/checkpoint';
import { LockstepError, toLockstepError } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { quote } from '../train/quote.js';
import { RUNS_FOLDER } from '../train/run-directory.js';

export interface FoundRun {
  readonly path: string;
  readonly file: RunFile;
  /** Whether its coordinator lives; null when it runs on another machine, where nobody here can tell. */
  readonly alive: boolean | null;
  /** What came out of it, once it has ended well. */
  readonly summary: RunSummary | null;
}

export const RUN_POSITIONAL = {
  type: 'string',
  describe: 'Run directory; when not given, the run below runs/ that goes on, or else the latest',
} as const;

/**
 * The run in a directory; without one the latest below runs/ of those that go on, or else of all.
 * @throws LockstepError when there is no such run or its run file is damaged
 */
export async function findRun(path: unknown): Promise<FoundRun> {
  const directory = typeof path === 'string' ? path : await latestRun();
  const file = await readRun(directory);
  const alive = file.host === hostname() ? isSameProcess(file.coordinator) : null;
  const ended = file.state === 'done' || file.state === 'stopped';
  return { path: directory, file, alive, summary: ended ? await readSummary(directory) : null };
}

/**
 * The run that a change is meant for: without a directory the only one below runs/ that goes on.
 * @throws LockstepError `usage` when several do
 */
export async function findRunToChange(path: unknown): Promise<FoundRun> {
  if (typeof path === 'string') return findRun(path);
  const running = (await runsHere()).filter(({ isRunning }) => isRunning).map((run) => run.path);
  if (running.length < 2) return findRun(running[0]);
  const what = `${running.length} runs go on below ${RUNS_FOLDER}/ here: ${running.join(', ')}`;
  throw new LockstepError('usage', what, 'name the one that is meant');
}

/** Whether the run has written down how it ended. */
export function isOver({ state }: RunFile): boolean {
  return state === 'done' || state === 'failed' || state === 'stopped';
}

/** The state as it is now: a coordinator that was killed could not write down that it ended. */
export function currentState({ file, alive }: FoundRun): string {
  if (isOver(file) || alive !== false) return file.state;
  return isSupervised(file) ? 'recovering' : 'died';
}

/** How a run ended that does not go on, for example `stopped after step 12`. */
export function describeEnd(run: FoundRun): string {
  const { step, error } = run.file;
  return `${currentState(run)} after step ${step}${error === null ? '' : `: ${error}`}`;
}

/** Whether somebody on this machine starts the coordinator again when it dies. */
function isSupervised({ supervisor, host }: RunFile): boolean {
  return supervisor !== null && host === hostname() && isSameProcess(supervisor);
}

interface ListedRun {
  readonly path: string;
  readonly startedAt: string;
  readonly isRunning: boolean;
}

/** Runs below runs/, the latest last. */
async function runsHere(): Promise<readonly ListedRun[]> {
  const names: string[] = await readdir(RUNS_FOLDER).catch(() => []);
  const paths = names.map((name) => join(RUNS_FOLDER, name)).filter((path) => existsSync(runPaths(path).run));
  // A run of another version, or a damaged one, must not hide the others; named, it says what is wrong with it.
  const runs = await Promise.all(
    paths.map((path) =>
      readRunFile(path).then(
        (file) => ({ path, startedAt: file.startedAt, isRunning: goesOn(file) }),
        () => ({ path, startedAt: '', isRunning: false }),
      ),
    ),
  );
  return runs.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

function goesOn(file: RunFile): boolean {
  const isHere = file.host === hostname() && isSameProcess(file.coordinator);
  return !isOver(file) && (isHere || isSupervised(file));
}

async function latestRun(): Promise<string> {
  const runs = await runsHere();
  const latest = runs.findLast(({ isRunning }) => isRunning) ?? runs.at(-1);
  if (latest !== undefined) return latest.path;
  const what = `there is no run below ${RUNS_FOLDER}/ here`;
  throw new LockstepError('usage', what, 'name a run directory, or stand where the run was started');
}

async function readRun(directory: string): Promise<RunFile> {
  const { run, config, options } = runPaths(directory);
  if (!existsSync(directory)) throw new LockstepError('usage', `there is no folder ${directory}`, 'check the path');
  if (!existsSync(run)) {
    if (!existsSync(config) && !existsSync(options)) {
      throw new LockstepError('usage', `${directory} holds no run`, 'name a run directory');
    }
    const hint = `look again in a moment, or see ${quote(runPaths(directory).logs)}`;
    throw new LockstepError('retry', `the run in ${directory} has not begun to compute (it has no run.json)`, hint);
  }
  try {
    return await readRunFile(directory);
  } catch (thrown) {
    const { kind, message } = toLockstepError(thrown);
    if (kind !== 'data') throw thrown;
    const hint = `it only says how the run stands: lockstep inspect ${quote(directory)} checks what the run has made`;
    throw new LockstepError(kind, message, hint, { cause: thrown });
  }
}
