/**
 * Dropping old checkpoints without ever dropping the one that a run would need: only a checkpoint that is sound to
 * the last bit, and that the journal reaches, lets an older one go.
 */
import { invariant } from '@lockstep/config';
import { dirname } from 'node:path';
import { syncDirectory } from './atomic-write.js';
import { checkpointPaths, problemOf } from './checkpoint-folder.js';
import { systemDisk } from './disk.js';
import type { Disk } from './disk.js';
import { withIoErrors } from './io-error.js';
import { readCheckpointFolder } from './read-checkpoint.js';
import { removeTemporary, temporaryPath } from './temporary-folder.js';

export interface PruneOptions {
  /** Paths known to be sound, so that they are not read again; those found sound are added. */
  readonly sound?: Set<string>;
  /** Newer ones stay, and keep no older one from staying. */
  readonly atMost?: number;
  readonly disk?: Disk;
}

/**
 * Removes old checkpoints: keeps step 0, the newest `keep` sound ones and whatever lies between them. Unsound ones
 * older than those go too; newer ones stay to be looked at.
 * @returns the paths removed
 * @throws LockstepError 'io' when one cannot be removed
 */
export async function pruneCheckpoints(
  folder: string,
  keep: number,
  { sound = new Set(), atMost = Infinity, disk = systemDisk }: PruneOptions = {},
): Promise<readonly string[]> {
  invariant(Number.isSafeInteger(keep) && keep > 0, 'at least one checkpoint is kept');
  const candidates = [...(await checkpointPaths(folder))].reverse().filter(({ step }) => step > 0 && step <= atMost);
  const removed: string[] = [];
  let kept = 0;
  for (const { path } of candidates) {
    if (kept < keep) kept += (await isSound(path, sound)) ? 1 : 0;
    else removed.push(path);
  }
  for (const path of removed.reverse()) {
    // Renamed first, so that a crash in the middle leaves no half a checkpoint under a checkpoint's name.
    const doomed = temporaryPath(dirname(path), 'pruned');
    sound.delete(path);
    await withIoErrors('remove', path, () => disk.rename(path, doomed));
    await removeTemporary(doomed, disk);
  }
  if (removed[0] !== undefined) await syncDirectory(dirname(removed[0]), disk);
  return removed;
}

async function isSound(path: string, sound: Set<string>): Promise<boolean> {
  if (sound.has(path)) return true;
  try {
    await readCheckpointFolder(path, true);
    sound.add(path);
    return true;
  } catch (thrown) {
    // A bug of ours is not the checkpoint's fault and goes on.
    problemOf(thrown);
    return false;
  }
}
