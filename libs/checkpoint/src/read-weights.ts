/**
 * Weights alone, from whatever a user has: a bare safetensors file (ours or one saved by PyTorch), a checkpoint, a
 * run directory.
 */
import { stat } from 'node:fs/promises';
import type { WeightLayout } from '@lockstep/reduce';
import { readCheckpoint } from './checkpoint-folder.js';
import type { ReadOptions } from './checkpoint-folder.js';
import { withIoErrors } from './io-error.js';
import { readSafetensors } from './safetensors.js';
import type { Checkpoint } from './snapshot.js';
import { flatten, layoutOf, weightsSha256 } from './weights.js';

export interface WeightsOnly {
  /** In layout order, whatever the order of the file. */
  readonly weights: Float32Array;
  readonly layout: WeightLayout;
  readonly weightsSha256: string;
  /** Where they came from, when it was more than a bare file. */
  readonly checkpoint: Checkpoint | null;
}

/**
 * Reads weights.
 * @throws LockstepError 'data' when they are not those of an embedding - GRU - dense model, or are torn; 'io' for a
 * wrong path
 */
export async function readWeights(path: string, options: ReadOptions = {}): Promise<WeightsOnly> {
  const status = await withIoErrors('read', path, () => stat(path));
  if (status.isDirectory()) {
    const checkpoint = await readCheckpoint(path, options);
    const { weights, layout, weightsSha256: sha256 } = checkpoint;
    return { weights, layout, weightsSha256: sha256, checkpoint };
  }
  const { tensors } = await readSafetensors(path);
  const layout = layoutOf(tensors, path);
  const weights = flatten(tensors, layout);
  return { weights, layout, weightsSha256: weightsSha256(weights), checkpoint: null };
}
