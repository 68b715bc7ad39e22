/** The whole model on the embedded engine: gradients against differences of the loss, and what callers rely on. */
import { randomStream } from '@lockstep/data';
import { layoutView, weightLayout } from '@lockstep/reduce';
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

describe('sampler', () => {
  it('gives the logits whose loss the model reports', () => {
    for (const shape of [folded, lookedUp]) {
      const { model, weights } = modelOf(shape);
      const ids = randomIds(6, shape.vocabularySize, 4);
      const sampler = model.sampler(weights);
      let lossSum = 0;
      let logits = sampler.prime([ids[0]]);
      for (let t = 1; t < ids.length; t++) {
        lossSum += lossOf(logits, ids[t]);
        logits = sampler.next(ids[t]);
      }
      sampler.dispose();
      expect(lossSum).toBeCloseTo(model.loss(weights, ids, 1, 5).lossSum, 4);
    }
  });

  it('starts over at every prime, and knows a model that has read nothing', () => {
    const { model, weights, layout } = modelOf(folded);
    const sampler = model.sampler(weights);
    const once = sampler.prime([1, 2, 3]);
    sampler.next(4);
    expect(sampler.prime([1, 2, 3])).toEqual(once);
    expect(sampler.prime([])).toEqual(layoutView(layout, weights, 'dense.bias').slice());
    sampler.dispose();
  });

  it('keeps its weights when the caller trains on, and leaves no tensor behind', () => {
    const { model, weights } = modelOf(folded);
    const before = tf.memory().numTensors;
    const sampler = model.sampler(weights);
    const logits = sampler.prime([1, 2]);
    const held = tf.memory().numTensors;
    weights.fill(0);
    for (let i = 0; i < 20; i++) sampler.next(3);
    expect(sampler.prime([1, 2])).toEqual(logits);
    expect(tf.memory().numTensors).toBe(held);
    sampler.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** Cross-entropy in float64. */
function lossOf(logits: Float32Array, target: number): number {
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[target];
}
