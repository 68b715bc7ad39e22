/**
 * The checkpoints of a run: list them, find the newest sound one, read one by any path a user may give.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import { syncDirectory } from './atomic-write.js';
import { stepOfName } from './checkpoint-name.js';
import { systemDisk } from './disk.js';
import { errorCode, ioError, withIoErrors } from './io-error.js';
import { MANIFEST_FILE } from './manifest.js';
import type { Manifest } from './manifest.js';
import { readCheckpointFolder, readManifest } from './read-checkpoint.js';
import { refuseFile } from './safetensors-header.js';
import type { BadCheckpoint, Checkpoint } from './snapshot.js';

/** One folder of the list: with its manifest, or with the reason why it cannot be used. */
export type ListedCheckpoint =
  | { readonly path: string; readonly step: number; readonly manifest: Manifest }
  | { readonly path: string; readonly step: number; readonly problem: string };

export interface LatestCheckpoint {
  readonly checkpoint: Checkpoint | null;
  /** Newer ones that could not be used, newest first. */
  readonly passedOver: readonly BadCheckpoint[];
}

/**
 * All checkpoints in a run directory or checkpoints folder, by step. Looks at manifests and file sizes, not at the
 * tensors. A folder that does not exist holds none.
 */
export async function listCheckpoints(folder: string): Promise<readonly ListedCheckpoint[]> {
  const listed: ListedCheckpoint[] = [];
  for (const { path, step } of await checkpointPaths(folder)) {
    try {
      const manifest = await readManifest(path);
      await checkSizes(path, manifest);
      listed.push({ path, step, manifest });
    } catch (thrown) {
      listed.push({ path, step, problem: problemOf(thrown) });
    }
  }
  return listed;
}

/**
 * Makes the names of all that is listed survive a power cut: whoever wrote the newest may have been killed between its
 * rename and the flush of the folder. A folder that does not exist holds none.
 * @throws LockstepError 'io' when the disk refuses
 */
export async function settleCheckpoints(folder: string, disk = systemDisk): Promise<void> {
  if (existsSync(folder)) await syncDirectory(folder, disk);
}

export interface LatestOptions {
  /** False skips the SHA-256 comparison. */
  readonly verify?: boolean;
  /** Newer ones are left out, and not spoken of. */
  readonly atMost?: number;
}

/**
 * The newest checkpoint of a run directory or checkpoints folder that is sound to the last bit, and what was passed
 * over.
 */
export async function latestGoodCheckpoint(folder: string, options: LatestOptions = {}): Promise<LatestCheckpoint> {
  const { verify = true, atMost = Infinity } = options;
  const passedOver: BadCheckpoint[] = [];
  for (const { path, step } of [...await checkpointPaths(folder)].reverse()) {
    if (step > atMost) continue;
    try {
      return { checkpoint: await readCheckpointFolder(path, verify), passedOver };
    } catch (thrown) {
      passedOver.push({ path, reason: problemOf(thrown) });
    }
  }
  return { checkpoint: null, passedOver };
}

export interface ReadOptions {
  /** False skips the SHA-256 comparison. */
  readonly verify?: boolean;
  /** Told of each newer checkpoint that could not be used when an older one is taken instead. */
  readonly onPassedOver?: (bad: BadCheckpoint) => void;
}

/**
 * Reads a checkpoint: its folder, or the newest sound one of a run directory or of a checkpoints folder.
 * @throws LockstepError 'data' naming the file that is torn or altered, or saying that there is none; 'io' for a
 * wrong path
 */
export async function readCheckpoint(path: string, options: ReadOptions = {}): Promise<Checkpoint> {
  const { verify = true } = options;
  const status = await withIoErrors('read', path, () => stat(path));
  if (!status.isDirectory()) {
    const hint = 'name the checkpoint folder or the run directory';
    throw new LockstepError('data', `${path} is a file, not a checkpoint`, hint);
  }
  if (stepOfName(basename(path)) !== null || await exists(join(path, MANIFEST_FILE))) {
    return readCheckpointFolder(path, verify);
  }
  const { checkpoint, passedOver } = await latestGoodCheckpoint(path, { verify });
  if (checkpoint !== null) {
    for (const bad of passedOver) options.onPassedOver?.(bad);
    return checkpoint;
  }
  const reasons = passedOver.map(({ reason }) => reason).join('; ');
  throw new LockstepError(
    'data',
    `no ${reasons === '' ? '' : 'sound '}checkpoint in ${path}${reasons === '' ? '' : ` (${reasons})`}`,
    'name a run directory or a checkpoint folder',
  );
}

/** All folders of a run directory or checkpoints folder with the name of a checkpoint, by step. */
export async function checkpointPaths(
  folder: string,
): Promise<readonly { readonly path: string; readonly step: number }[]> {
  const checkpointsFolder = await checkpointsFolderOf(folder);
  const names = await readdir(checkpointsFolder).catch((thrown: unknown) => {
    if (errorCode(thrown) === 'ENOENT') return [];
    throw ioError('list', checkpointsFolder, thrown);
  });
  return names
    .flatMap((name) => {
      const step = stepOfName(name);
      return step === null ? [] : [{ path: join(checkpointsFolder, name), step }];
    })
    .sort((left, right) => left.step - right.step);
}

async function checkpointsFolderOf(folder: string): Promise<string> {
  const inside = join(folder, 'checkpoints');
  return await exists(inside) ? inside : folder;
}

async function checkSizes(folder: string, { files }: Manifest): Promise<void> {
  for (const [name, { lengthBytes }] of Object.entries(files)) {
    const path = join(folder, name);
    const { size } = await withIoErrors('read', path, () => stat(path));
    if (size !== lengthBytes) refuseFile(path, `it has ${size} bytes, the manifest says ${lengthBytes}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT' || errorCode(thrown) === 'ENOTDIR') return false;
    throw ioError('read', path, thrown);
  }
}

/** What is wrong with a checkpoint, from what reading it threw; a bug of ours is not its fault and goes on. */
export function problemOf(thrown: unknown): string {
  if (thrown instanceof LockstepError && (thrown.kind === 'data' || thrown.kind === 'io')) return thrown.message;
  throw thrown;
}
