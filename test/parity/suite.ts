/**
 * What every engine must get right: PyTorch's numbers in float64, and what the rest of the system builds on (shards
 * add up, the same bits twice, nothing left behind). Tolerances: a gradient within 1e-4 of its tensor's largest
 * value, a loss within 1e-5 of itself; float32 engines are a hundred times better than that, a wrong term is a
 * hundred times worse.
 */
import type { EngineName } from '@lockstep/config';
import { randomStream } from '@lockstep/data';
import { engineEnvironment, loadEngine } from '@lockstep/engine';
import type { Engine } from '@lockstep/engine';
import { createModel, initialWeights } from '@lockstep/model';
import { createOptimizer } from '@lockstep/optimizer';
import { bytesOf, finishGradient, layoutView, weightLayout } from '@lockstep/reduce';
import { beforeAll, describe, expect, it } from 'vitest';

import { findOrExplain } from './engines.js';
import { readFixtures } from './fixture.js';
import type { Fixture } from './fixture.js';

const GRADIENT_TOLERANCE = 1e-4;
const LOSS_TOLERANCE = 1e-5;
/** Of the way that three Adam steps can move a weight at most. */
const ADAM_TOLERANCE = 1e-3;

/** A batch large enough for an engine's fast paths, with rows that can be cut unevenly. */
const shape = { vocabularySize: 40, embedding: 32, units: 64 };
const layout = weightLayout(shape);
const [rows, sequenceLength] = [10, 20];

function windows(): { weights: Float32Array; ids: Int32Array } {
  const random = randomStream(11, 'ids');
  const ids = Int32Array.from({ length: rows * (sequenceLength + 1) }, () => random.below(shape.vocabularySize));
  return { weights: initialWeights(layout, { seed: 11, init: 'torch' }), ids };
}

/** Declares the parity tests of one engine; on a machine without it, one skipped test that says how to get it. */
export async function describeParity(name: EngineName): Promise<void> {
  const found = await findOrExplain(name);
  if (typeof found === 'string') {
    process.stderr.write(`parity of ${name} is not tested: ${found}\n`);
    describe.skip(`${name}: ${found}`, () => { // the engine is missing: the name says why, and how to get it
      it('has the parity of PyTorch', () => undefined);
    });
    return;
  }
  describe(`parity of ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      Object.assign(process.env, engineEnvironment({ threads: 2, device: { kind: 'cpu' } }));
      engine = await loadEngine(found, { device: { kind: 'cpu' } });
    });

    describe.each(readFixtures())('with PyTorch: $name', (fixture) => {
      it('loss and every gradient', () => checkGradients(engine, fixture));
      it('three Adam steps', () => checkAdam(engine, fixture));
    });
    it('adds up: the gradient of a batch is the sum over its shards', () => checkShards(engine));
    it('repeats: the same bits twice', () => checkRepeats(engine));
    it('leaves nothing behind: as many tensors after 200 steps as before', () => checkHandles(engine));
  });
}

function checkGradients(engine: Engine, fixture: Fixture): void {
  const layout = weightLayout(fixture.shape);
  expect(layout.entries.map((entry) => [entry.name, entry.shape])).toEqual(fixture.tensors);
  const model = createModel(engine, layout);
  const { weights, ids, rows, sequenceLength } = fixture;
  const { lossSum, characters, gradient } = model.gradients(weights, ids, rows, sequenceLength);
  expect(characters).toBe(fixture.characters);
  for (const loss of [lossSum, model.loss(weights, ids, rows, sequenceLength).lossSum]) {
    expect(Math.abs(loss / fixture.lossSum - 1)).toBeLessThan(LOSS_TOLERANCE);
  }
  expect(gradient).toHaveLength(layout.length);
  for (const { name, offset, length } of layout.entries) {
    const expected = fixture.gradient.subarray(offset, offset + length);
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const error = largestDifference(layoutView(layout, gradient, name), expected);
    expect(error, name).toBeLessThanOrEqual(GRADIENT_TOLERANCE * largest);
  }
}

function checkAdam(engine: Engine, fixture: Fixture): void {
  const { ids, rows, sequenceLength, characters, adam } = fixture;
  const layout = weightLayout(fixture.shape);
  const model = createModel(engine, layout);
  const optimizer = createOptimizer({ name: 'adam', ...adam }, layout.length);
  const weights = fixture.weights.slice();
  for (let step = 0; step < adam.steps; step++) {
    const { gradient } = model.gradients(weights, ids, rows, sequenceLength);
    expect(finishGradient(gradient, characters, undefined).finite).toBe(true);
    optimizer.apply(weights, gradient, adam.learningRate);
  }
  const furthest = adam.steps * adam.learningRate;
  expect(largestDifference(weights, fixture.weightsAfterAdam) / furthest).toBeLessThan(ADAM_TOLERANCE);
}

function checkShards(engine: Engine): void {
  const { weights, ids } = windows();
  const model = createModel(engine, layout);
  const whole = model.gradients(weights, ids, rows, sequenceLength);
  const sum = new Float64Array(layout.length);
  let [lossSum, characters, row] = [0, 0, 0];
  for (const count of [4, 3, 2, 1]) {
    const shard = ids.subarray(row * (sequenceLength + 1), (row + count) * (sequenceLength + 1));
    const part = model.gradients(weights, shard, count, sequenceLength);
    part.gradient.forEach((value, i) => (sum[i] += value));
    lossSum += part.lossSum;
    characters += part.characters;
    row += count;
  }
  expect(characters).toBe(whole.characters);
  expect(Math.abs(lossSum / whole.lossSum - 1)).toBeLessThan(LOSS_TOLERANCE);
  const largest = sum.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largestDifference(whole.gradient, sum) / largest).toBeLessThan(GRADIENT_TOLERANCE);
}

function checkRepeats(engine: Engine): void {
  const { weights, ids } = windows();
  const model = createModel(engine, layout);
  const first = model.gradients(weights, ids, rows, sequenceLength);
  const copy = first.gradient.slice();
  const second = model.gradients(weights, ids, rows, sequenceLength);
  expect(second.lossSum).toBe(first.lossSum);
  expect(Buffer.compare(bytesOf(second.gradient), bytesOf(copy))).toBe(0);
  expect(first.gradient, 'the first gradient is the caller\'s own').toEqual(copy);
}

function checkHandles(engine: Engine): void {
  const { weights, ids } = windows();
  const model = createModel(engine, layout);
  const before = engine.handleCount();
  for (let step = 0; step < 200; step++) {
    const { gradient } = model.gradients(weights, ids, rows, sequenceLength);
    weights[step] -= gradient[step];
  }
  expect(engine.handleCount()).toBe(before);
}

function largestDifference(actual: Float32Array, expected: Float64Array): number {
  expect(actual).toHaveLength(expected.length);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(actual[i] - value)), 0);
}
