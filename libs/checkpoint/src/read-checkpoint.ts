/**
 * Reading one checkpoint folder back, believing nothing: manifest against its schema, each file against its length
 * and SHA-256, each tensor against the layout. Whatever does not fit is a 'data' error that names the file, never a
 * half-read replica.
 */
import { basename, join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import type { WeightLayout } from '@lockstep/reduce';
import { stepOfName } from './checkpoint-name.js';
import { errorCode } from './io-error.js';
import { readJsonFile } from './json-file.js';
import { MANIFEST_FILE, OPTIMIZER_FILE, WEIGHTS_FILE, manifestSchema, sealOf, slotPrefix } from './manifest.js';
import type { Manifest } from './manifest.js';
import { refuseFile } from './safetensors-header.js';
import { readSafetensors } from './safetensors.js';
import type { SafetensorsFile } from './safetensors.js';
import type { Checkpoint, OptimizerSnapshot } from './snapshot.js';
import { expectTensors, flatten, layoutOf, weightsSha256 } from './weights.js';

/**
 * Reads the manifest of a checkpoint folder.
 * @throws LockstepError 'data' naming the manifest when it is missing, malformed or of another step than the folder's
 * name
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  const manifest = await missingMeansTorn(path, () => readJsonFile(path, manifestSchema));
  if (sealOf(manifest) !== manifest.seal) refuseFile(path, 'its content is not what was sealed');
  const named = stepOfName(basename(folder));
  if (named !== null && named !== manifest.step) {
    refuseFile(path, `it is of step ${manifest.step}, its folder of ${named}`);
  }
  return manifest;
}

/**
 * Reads one checkpoint folder.
 * @param verify false skips the SHA-256 comparison; sizes, shapes and schema are checked always
 * @throws LockstepError 'data' naming the first file that is missing, torn or altered
 */
export async function readCheckpointFolder(folder: string, verify: boolean): Promise<Checkpoint> {
  const manifest = await readManifest(folder);
  const weightsFile = await readListed(folder, WEIGHTS_FILE, manifest, verify);
  const layout = layoutOf(weightsFile.tensors, join(folder, WEIGHTS_FILE));
  checkLayout(manifest, layout, folder);
  const weights = flatten(weightsFile.tensors, layout);
  if (verify && weightsSha256(weights) !== manifest.weightsSha256) {
    refuseFile(join(folder, WEIGHTS_FILE), 'its weights have another SHA-256 than the manifest says');
  }
  const optimizerFile = await readListed(folder, OPTIMIZER_FILE, manifest, verify);
  const { step, epoch, loss, config, vocabulary } = manifest;
  return {
    path: folder,
    step, epoch, loss, config, vocabulary, layout, weights,
    optimizer: optimizerOf(optimizerFile, manifest, layout, join(folder, OPTIMIZER_FILE)),
    weightsSha256: manifest.weightsSha256,
  };
}

async function readListed(
  folder: string,
  file: keyof Manifest['files'],
  manifest: Manifest,
  verify: boolean,
): Promise<SafetensorsFile> {
  const path = join(folder, file);
  const read = await missingMeansTorn(path, () => readSafetensors(path));
  const listed = manifest.files[file];
  if (read.lengthBytes !== listed.lengthBytes) {
    refuseFile(path, `it has ${read.lengthBytes} bytes, the manifest says ${listed.lengthBytes}`);
  }
  if (verify && read.sha256 !== listed.sha256) refuseFile(path, 'its SHA-256 is not the one in the manifest');
  return read;
}

function checkLayout(manifest: Manifest, layout: WeightLayout, folder: string): void {
  const entries = layout.entries.map(({ name, shape }) => ({ name, shape }));
  const isSame = manifest.layout.digest === layout.digest
    && JSON.stringify(manifest.layout.entries) === JSON.stringify(entries);
  if (!isSame) refuseFile(join(folder, MANIFEST_FILE), 'its layout is not that of the weights');
}

function optimizerOf(
  { tensors }: SafetensorsFile,
  { optimizer }: Manifest,
  layout: WeightLayout,
  path: string,
): OptimizerSnapshot {
  const prefixes = optimizer.slots.map((slot) => slotPrefix(optimizer.name, slot));
  const expected = prefixes.flatMap((prefix) => (
    layout.entries.map(({ name, shape }) => ({ name: prefix + name, shape }))
  ));
  expectTensors(tensors, expected, path);
  const slots = optimizer.slots.map((slot, index) => [slot, flatten(tensors, layout, prefixes[index])] as const);
  return { name: optimizer.name, steps: optimizer.steps, slots: Object.fromEntries(slots) };
}

/** A file that is missing from a checkpoint is a fault of the checkpoint, not of the path the user gave. */
async function missingMeansTorn<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof LockstepError && errorCode(thrown.cause) === 'ENOENT') refuseFile(path, 'it is missing');
    throw thrown;
  }
}
