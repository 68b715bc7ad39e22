/** The whole model on the embedded engine: gradients against differences of the loss, and what callers rely on. */
import { randomStream } from '@lockstep/data';
import { weightLayout } from '@lockstep/reduce';
import type { ModelShape } from '@lockstep/reduce';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { createModel } from './model.js';

beforeAll(async () => {
  await tf.setBackend('wasm');
});

function randomWeights(length: number, seed: number): Float32Array {
  const random = randomStream(seed, 'weights');
  return Float32Array.from({ length }, () => random.normal() * 0.5);
}

function randomIds(length: number, vocabularySize: number, seed: number): Int32Array {
  const random = randomStream(seed, 'ids');
  return Int32Array.from({ length }, () => random.below(vocabularySize));
}

function modelOf(shape: ModelShape) {
  const layout = weightLayout(shape);
  return { model: createModel({ tf, name: 'wasm' }, layout), layout, weights: randomWeights(layout.length, 1) };
}

const folded: ModelShape = { vocabularySize: 5, embedding: 4, units: 3 };
const lookedUp: ModelShape = { vocabularySize: 7, embedding: 2, units: 3 };

describe('gradients', () => {
  it.each([
    ['folded embedding', folded, 2, 4],
    ['looked-up embedding', lookedUp, 2, 4],
    ['one step', folded, 3, 1],
    ['one row', lookedUp, 1, 3],
    ['one row, one step', folded, 1, 1],
  ])('match central differences of the loss: %s', (_, shape, rows, sequenceLength) => {
    const { model, weights } = modelOf(shape);
    const ids = randomIds(rows * (sequenceLength + 1), shape.vocabularySize, 2);
    const { gradient, lossSum, characters } = model.gradients(weights, ids, rows, sequenceLength);
    expect(characters).toBe(rows * sequenceLength);
    expect(lossSum).toBe(model.loss(weights, ids, rows, sequenceLength).lossSum);
    const step = 2 ** -7;
    for (let i = 0; i < weights.length; i++) {
      const [above, below] = [step, -step].map((change) => {
        const moved = weights.slice();
        moved[i] += change;
        return model.loss(moved, ids, rows, sequenceLength).lossSum;
      });
      expect(gradient[i], `weight ${i}`).toBeCloseTo((above - below) / (2 * step), 2);
    }
  });
});
