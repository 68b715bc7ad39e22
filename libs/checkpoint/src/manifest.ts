/**
 * The manifest of a checkpoint: everything that is not a tensor, and length and SHA-256 of every file that holds
 * tensors. It is written last, so a folder without a sound manifest is no checkpoint, and sealed with a hash of its
 * own content. It holds no time and no host: equal runs write equal bytes.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SAFETENSORS_FILE_BYTES_MAX } from './limits.js';

export const MANIFEST_FILE = 'manifest.json';
export const WEIGHTS_FILE = 'weights.safetensors';
export const OPTIMIZER_FILE = 'optimizer.safetensors';
export const CHECKPOINT_FORMAT_VERSION = 1;

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in hexadecimal');
const file = z.strictObject({ lengthBytes: count.max(SAFETENSORS_FILE_BYTES_MAX), sha256 });
const name = z.string().min(1).max(200);

export const manifestSchema = z.strictObject({
  formatVersion: z.literal(CHECKPOINT_FORMAT_VERSION, `not format version ${CHECKPOINT_FORMAT_VERSION}`),
  /** Updates made so far: the cursor, for batches are a pure function of seed and step. */
  step: count,
  epoch: count,
  /** Mean cross-entropy in nats a character at that step; null before the first. */
  loss: z.number().nullable(),
  /** The resolved config of the run, not interpreted here. */
  config: z.json(),
  vocabulary: z.array(z.string()).max(1 << 17),
  layout: z.strictObject({
    digest: sha256,
    entries: z.array(z.strictObject({ name, shape: z.array(count.positive()).min(1).max(8) })).max(64),
  }),
  optimizer: z.strictObject({ name, steps: count, slots: z.array(name).max(8) }),
  /** SHA-256 of the float32 little-endian weights alone, in layout order. */
  weightsSha256: sha256,
  files: z.strictObject({ [WEIGHTS_FILE]: file, [OPTIMIZER_FILE]: file }),
  /** SHA-256 of all of the above; see `sealOf`. */
  seal: sha256,
});

export type Manifest = z.infer<typeof manifestSchema>;

/**
 * SHA-256 of a manifest's compact JSON without its seal. A changed loss, cursor or optimizer step would not show in
 * any tensor.
 */
export function sealOf(manifest: Omit<Manifest, 'seal'>): string {
  const content = JSON.stringify({ ...manifest, seal: undefined });
  return createHash('sha256').update(content).digest('hex');
}

/** What stands before a weight's name in the optimizer file, for example `adam.m.`. */
export function slotPrefix(optimizerName: string, slot: string): string {
  return `${optimizerName}.${slot}.`;
}
