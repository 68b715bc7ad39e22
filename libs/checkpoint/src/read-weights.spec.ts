import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeNewFile } from './atomic-write.js';
import { writeCheckpoint } from './checkpoint.js';
import { readWeights } from './read-weights.js';
import { encodeSafetensors } from './safetensors.js';
import { refusalOf } from './testing/refusal.js';
import { SAMPLE_LAYOUT, sampleSnapshot } from './testing/sample-snapshot.js';
import { scratchFolder } from './testing/scratch.js';
import { toTensors, weightsSha256 } from './weights.js';

const { weights } = sampleSnapshot(6);

describe('readWeights', () => {
  it('reads a bare file, a checkpoint and a run directory alike', async () => {
    const run = scratchFolder();
    const { path } = await writeCheckpoint(join(run, 'checkpoints'), sampleSnapshot(6));
    const expected = { weights, layout: SAMPLE_LAYOUT, weightsSha256: weightsSha256(weights) };
    expect(await readWeights(join(path, 'weights.safetensors'))).toEqual({ ...expected, checkpoint: null });
    expect(await readWeights(path)).toMatchObject({ ...expected, checkpoint: { step: 6, epoch: 2 } });
    expect(await readWeights(run)).toMatchObject({ ...expected, checkpoint: { step: 6, epoch: 2 } });
  });

  it('puts tensors in layout order whatever the order of the file', async () => {
    const path = join(scratchFolder(), 'python.safetensors');
    const sorted = [...toTensors(weights, SAMPLE_LAYOUT)].sort((left, right) => (left.name < right.name ? -1 : 1));
    expect(sorted[0]?.name).toBe('dense.bias');
    await writeNewFile(path, encodeSafetensors(sorted));
    expect((await readWeights(path)).weights).toEqual(weights);
  });

  it.each<[what: string, file: Parameters<typeof encodeSafetensors>[0], reason: RegExp]>([
    ['lacks a tensor', toTensors(weights, SAMPLE_LAYOUT).slice(0, -1), /tensor dense\.bias is missing/],
    ['has one too many', [...toTensors(weights, SAMPLE_LAYOUT), { name: 'x', shape: [1], values: new Float32Array(1) }],
      /tensor "x" does not belong there/],
    ['is of another model', [{ name: 'conv', shape: [1], values: Float32Array.of(1) }], /embedding\.weight is missing/],
    ['has a vector for a matrix', [{ name: 'embedding.weight', shape: [15], values: new Float32Array(15) }],
      /embedding\.weight has shape \[15\]/],
    ['has an empty matrix', [{ name: 'embedding.weight', shape: [0, 4], values: Float32Array.of() }], /shape \[0,4\]/],
    ['has another shape', toTensors(weights, SAMPLE_LAYOUT).map((tensor) => (
      tensor.name === 'dense.weight' ? { ...tensor, shape: [4, 5] } : tensor
    )), /dense\.weight has shape \[4,5\], expected \[5,4\]/],
  ])('refuses a file that %s', async (_, tensors, reason) => {
    const path = join(scratchFolder(), 'weights.safetensors');
    await writeNewFile(path, encodeSafetensors(tensors));
    const refusal = await refusalOf(readWeights(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', expect.stringMatching(reason)]);
  });
});
