/**
 * Writing a checkpoint that exists whole or not at all: all files go into a temporary folder and are flushed, the
 * manifest last; one rename makes it a checkpoint. A process killed at any instant leaves either no new checkpoint or
 * a sound one.
 */
import { join } from 'node:path';
import { LockstepError, invariant } from '@lockstep/config';
import { makeDirectory, syncDirectory, writeNewFile } from './atomic-write.js';
import type { WrittenFile } from './atomic-write.js';
import { checkpointName } from './checkpoint-name.js';
import { systemDisk } from './disk.js';
import type { Disk } from './disk.js';
import { errorCode, ioError, withIoErrors } from './io-error.js';
import { jsonText } from './json-file.js';
import {
  CHECKPOINT_FORMAT_VERSION, MANIFEST_FILE, OPTIMIZER_FILE, WEIGHTS_FILE, manifestSchema, sealOf, slotPrefix,
} from './manifest.js';
import type { Manifest } from './manifest.js';
import { readCheckpointFolder, readManifest } from './read-checkpoint.js';
import { encodeSafetensors } from './safetensors.js';
import type { Snapshot } from './snapshot.js';
import { removeLeftovers, removeTemporary, temporaryPath } from './temporary-folder.js';
import { layoutOf, toTensors, weightsSha256 } from './weights.js';

/** What renaming over a folder that is not empty gives; on Windows it looks like a missing permission. */
const TAKEN_CODES: ReadonlySet<string | undefined> = new Set(
  process.platform === 'win32' ? ['EPERM', 'EACCES'] : ['ENOTEMPTY', 'EEXIST'],
);

export interface WrittenCheckpoint {
  readonly path: string;
  readonly step: number;
  readonly weightsSha256: string;
  /** Of both tensor files. */
  readonly lengthBytes: number;
}

export interface WriteOptions {
  /** Throws when this process may no longer write there; asked before the first byte and just before the rename. */
  readonly fence?: () => Promise<void>;
  readonly disk?: Disk;
}

/**
 * Writes `step-NNNNNN` into a checkpoints folder, which is made if missing. The vectors of the snapshot must not
 * change until the promise resolves. A sound checkpoint of the same step and the same bytes is kept as it is; a torn
 * one is replaced.
 * @throws LockstepError 'io' when the disk refuses; 'data' when a sound checkpoint of that step holds other weights;
 * what the fence throws
 */
export async function writeCheckpoint(
  checkpointsFolder: string,
  snapshot: Snapshot,
  { fence = () => Promise.resolve(), disk = systemDisk }: WriteOptions = {},
): Promise<WrittenCheckpoint> {
  checkSnapshot(snapshot);
  await fence();
  await makeDirectory(checkpointsFolder);
  await removeLeftovers(checkpointsFolder);
  const name = checkpointName(snapshot.step);
  const path = join(checkpointsFolder, name);
  const temporary = temporaryPath(checkpointsFolder, name);
  try {
    const manifest = await writeFiles(temporary, path, snapshot, disk);
    await fence();
    await place(temporary, path, manifest, disk);
    await syncDirectory(checkpointsFolder, disk);
    const lengthBytes = Object.values(manifest.files).reduce((sum, file) => sum + file.lengthBytes, 0);
    return { path, step: snapshot.step, weightsSha256: manifest.weightsSha256, lengthBytes };
  } finally {
    // Gone already when it was renamed.
    await removeTemporary(temporary, disk);
  }
}

function checkSnapshot({ layout, weights, optimizer }: Snapshot): void {
  const derived = layoutOf(new Map(layout.entries.map((entry) => [entry.name, entry])), 'the layout of a snapshot');
  invariant(derived.digest === layout.digest, 'a snapshot has the layout of a model');
  for (const vector of [weights, ...Object.values(optimizer.slots)]) {
    invariant(vector.length === layout.length, `a vector of ${vector.length} with a layout of ${layout.length}`);
  }
}

/** Writes all files into `folder`, which is to become `path`. */
async function writeFiles(folder: string, path: string, snapshot: Snapshot, disk: Disk): Promise<Manifest> {
  const { step, epoch, loss, weights, optimizer, layout, config, vocabulary } = snapshot;
  await withIoErrors('make the folder', path, () => disk.makeFolder(folder));
  const write = (name: string, chunks: readonly Uint8Array[]): Promise<WrittenFile> => (
    writeNewFile(join(folder, name), chunks, join(path, name), disk)
  );
  const weightsFile = encodeSafetensors(toTensors(weights, layout), { layout: layout.digest, step: String(step) });
  const optimizerFile = encodeSafetensors(Object.entries(optimizer.slots).flatMap(([slot, vector]) => (
    toTensors(vector, layout, slotPrefix(optimizer.name, slot))
  )));
  const content = manifestSchema.omit({ seal: true }).safeParse({
    formatVersion: CHECKPOINT_FORMAT_VERSION,
    step, epoch, loss, config, vocabulary,
    layout: { digest: layout.digest, entries: layout.entries.map(({ name, shape }) => ({ name, shape })) },
    optimizer: { name: optimizer.name, steps: optimizer.steps, slots: Object.keys(optimizer.slots) },
    weightsSha256: weightsSha256(weights),
    files: {
      [WEIGHTS_FILE]: await write(WEIGHTS_FILE, weightsFile),
      [OPTIMIZER_FILE]: await write(OPTIMIZER_FILE, optimizerFile),
    },
  });
  invariant(content.success, `a snapshot fits its manifest (${content.error?.issues[0]?.path.join('.')})`);
  const manifest = { ...content.data, seal: sealOf(content.data) };
  await write(MANIFEST_FILE, [new TextEncoder().encode(jsonText(manifest))]);
  await syncDirectory(folder, disk);
  return manifest;
}

/**
 * Renames the finished folder to its name; what holds the name already is kept when it is the same, replaced when
 * torn.
 */
async function place(temporary: string, path: string, manifest: Manifest, disk: Disk): Promise<void> {
  if (await tryRename(temporary, path, disk)) return;
  if (await isSameCheckpoint(path, manifest)) return;
  const torn = temporaryPath(join(path, '..'), 'torn');
  await withIoErrors('move away', path, () => disk.rename(path, torn));
  const isPlaced = await tryRename(temporary, path, disk);
  await removeTemporary(torn, disk);
  if (isPlaced) return;
  const hint = 'stop the other process that writes there';
  throw new LockstepError('io', `${path} appeared while it was written`, hint);
}

/** False when the name is taken by a folder that is not empty. */
async function tryRename(from: string, to: string, disk: Disk): Promise<boolean> {
  try {
    await disk.rename(from, to);
    return true;
  } catch (thrown) {
    if (TAKEN_CODES.has(errorCode(thrown))) return false;
    throw ioError('rename to', to, thrown);
  }
}

/** True for a sound checkpoint with the same tensors, false for a torn one. */
async function isSameCheckpoint(path: string, manifest: Manifest): Promise<boolean> {
  try {
    await readCheckpointFolder(path, true);
  } catch (thrown) {
    if (thrown instanceof LockstepError && thrown.kind === 'data') return false;
    throw thrown;
  }
  const existing = await readManifest(path);
  if (JSON.stringify(existing.files) === JSON.stringify(manifest.files)) return true;
  throw new LockstepError(
    'data',
    `${path} holds other weights than those to be saved for the same step`,
    'the run has left its own history; use a new run directory, or move that checkpoint away',
  );
}
