/** Which run `lockstep status`, `stop` and `inspect` mean: the directory given, or the latest below runs/. */
import { isSameProcess, readRunFile, readSummary, runPaths } from '@lockstep/checkpoint';
import type { RunFile, RunSummary } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RUNS_FOLDER } from '../train/run-directory.js';

export interface FoundRun {
  readonly path: string;
  readonly file: RunFile;
  /** Whether its coordinator lives; null when it runs on another machine, where nobody here can tell. */
  readonly alive: boolean | null;
  /** What came out of it, once it has ended well. */
  readonly summary: RunSummary | null;
}

/** The run below runs/ that was started last. */
async function latestRun(): Promise<string> {
  const names: string[] = await readdir(RUNS_FOLDER).catch(() => []);
  const paths = names.map((name) => join(RUNS_FOLDER, name)).filter((path) => existsSync(runPaths(path).run));
  // A run of another version, or a damaged one, must not hide the others; named, it says what is wrong with it.
  const runs = await Promise.all(
    paths.map(async (path) => ({ path, startedAt: await readRunFile(path).then(startOf, () => '') })),
  );
  const latest = runs.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)).at(-1);
  if (latest !== undefined) return latest.path;
  const what = `there is no run below ${RUNS_FOLDER}/ here`;
  throw new LockstepError('usage', what, 'name a run directory, or stand where the run was started');
}

const startOf = ({ startedAt }: RunFile): string => startedAt;

/** @throws LockstepError when there is no such run or its run file is damaged */
export async function findRun(path: unknown): Promise<FoundRun> {
  const directory = typeof path === 'string' ? path : await latestRun();
  const file = await readRunFile(directory);
  const alive = file.host === hostname() ? isSameProcess(file.coordinator) : null;
  const ended = file.state === 'done' || file.state === 'stopped';
  return { path: directory, file, alive, summary: ended ? await readSummary(directory) : null };
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

/** Whether somebody on this machine starts the coordinator again when it dies. */
function isSupervised({ supervisor, host }: RunFile): boolean {
  return supervisor !== null && host === hostname() && isSameProcess(supervisor);
}
