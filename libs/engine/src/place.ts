/**
 * The moment a build begins to count: it arises in a work folder beside its place, on the same disk, and gets its
 * place by one rename. Nobody ever sees half of it, and of two installs at once the second one finds a good build and
 * drops its own.
 */

import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { STALE_INSTALL_MS } from './limits.js';

/** Part of the name of a folder that is being filled; never part of the name of a build. */
const UNFINISHED = '.unfinished-';

/** Makes an empty folder for the install of a build. */
export async function makeWorkFolder(target: string): Promise<string> {
  return mkdtemp(`${target}${UNFINISHED}`);
}

/** Removes what installs left that were killed long ago; never one that may still run. */
export async function removeStale(place: string, nowMs: number): Promise<void> {
  for (const name of (await readdir(place)).filter((entry) => entry.includes(UNFINISHED))) {
    const folder = join(place, name);
    const age = await stat(folder).then((found) => nowMs - found.mtimeMs, () => 0);
    if (age > STALE_INSTALL_MS) await rm(folder, { recursive: true, force: true });
  }
}

/** Renames a finished folder to its place, which may hold a good build by now, or a broken one from before. */
export async function putInPlace(
  finished: string,
  target: string,
  isWhole: (build: string) => Promise<boolean>,
): Promise<void> {
  const aside = join(dirname(finished), `${basename(target)}-broken`);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(finished, target);
      return;
    } catch (error) {
      if (attempt === 3 || !isOccupied(error)) throw error;
    }
    if (await isWhole(target)) return;
    // The work folder is on the same disk and is removed with all that is in it.
    await rename(target, `${aside}-${attempt}`).catch(() => undefined);
  }
}

function isOccupied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
}
