/**
 * The folder of a new run: made if missing, refused when it holds anything, so that no run ever overwrites another.
 */
import { runPaths } from '@lockstep/checkpoint';
import type { RunPaths } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Below the folder one stands in; `lockstep status` and `lockstep stop` look here for the latest run. */
export const RUNS_FOLDER = 'runs';

export interface RunDirectory {
  readonly path: string;
  readonly paths: RunPaths;
}

/** `runs/2026-11-23T06-15-02-1f0c2d3e`: sorts by time, tells two runs of one second apart. */
export function newRunPath(runId: string): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return join(RUNS_FOLDER, `${time}-${runId.slice(0, 8)}`);
}

/** As `mkdir -p`; Node's own recursive form never returns below `/proc`. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
  }
}

/** What a run directory may hold before its run: the lock that was just taken. */
const LOCK_FILES = /^(\.lock\..*|lock\.json)$/;

/** What a coordinator may leave behind that died before its run had begun. */
const LEFT_BEHIND = /^(logs|options\.json|\..*\.tmp)$/;

/** Makes the folder of a run. */
export async function createRunDirectory(path: string): Promise<RunDirectory> {
  try {
    await makeFolder(resolve(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('io', `cannot make the run directory ${path}: ${reason}`, 'give another --run-dir', {
      cause,
    });
  }
  return { path, paths: runPaths(path) };
}

/**
 * Refuses a folder that holds anything but our lock; called with the lock held.
 * @param isAgain whether a coordinator of this very run may have died there
 * @throws LockstepError `usage`
 */
export async function checkIsEmpty({ path }: RunDirectory, isAgain: boolean): Promise<void> {
  const found = (await readdir(path)).filter((name) => !LOCK_FILES.test(name) && !(isAgain && LEFT_BEHIND.test(name)));
  if (found.length > 0) {
    const what = found.includes('config.json') ? 'holds a run already' : `is not empty (${found[0] ?? ''})`;
    throw new LockstepError(
      'usage',
      `the run directory ${path} ${what}`,
      'give a new --run-dir; nothing was overwritten',
    );
  }
}
