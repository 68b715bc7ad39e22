/** A run as `lockstep compare` needs it, checked as whoever goes on from it would check it. */
import { readHistory, runPaths } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { basename, resolve } from 'node:path';
import { currentState, findRun } from '../commands/find-run.js';
import { readRunConfig } from '../train/read-config.js';
import type { LoadedRun } from './comparison.js';

/**
 * @param paths of run directories
 * @throws LockstepError naming the first that is no run, or is damaged
 */
export async function loadRuns(paths: readonly string[]): Promise<readonly LoadedRun[]> {
  const runs: LoadedRun[] = [];
  for (const path of paths) runs.push(await loadRun(path));
  const names = paths.map((path) => basename(resolve(path)));
  // Two of one name are told apart by their whole paths.
  const isAmbiguous = new Set(names).size < names.length;
  if (isAmbiguous && new Set(paths.map((path) => resolve(path))).size < paths.length) {
    throw new LockstepError('usage', 'a run is named twice', 'name each run once');
  }
  return runs.map((run, index) => ({ ...run, name: (isAmbiguous ? paths : names)[index] ?? run.name }));
}

async function loadRun(path: string): Promise<LoadedRun> {
  const found = await findRun(path);
  const { journal, config } = runPaths(path);
  return {
    name: path,
    state: currentState(found),
    history: await readHistory(journal),
    config: await readRunConfig(config),
    summary: found.summary,
  };
}
