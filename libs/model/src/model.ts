/**
 * The model: embedding, GRU, dense, cross-entropy. One character a time step, the state zero at the start of every
 * window. Weights come in and gradients go out as flat float32 vectors on the host, so that what sums, optimises,
 * sends and saves them needs no tensor library.
 */
import type { ModelShape, WeightLayout } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import { denseBackprop, denseLosses } from './character-loss.js';
import { createEmbedding, oneHot } from './embedding.js';
import type { Embedding } from './embedding.js';
import type { ModelEngine, Tfjs } from './engine.js';
import { registerGru, runGru, runGruBackprop } from './gru-kernel.js';
import { registerCharacterLoss } from './loss-kernel.js';
import { createProducts } from './products.js';
import type { Products } from './products.js';
import { createSampler } from './sampler.js';
import type { Sampler } from './sampler.js';
import { registerCharacterStep } from './step-kernel.js';
import { timeMajor } from './windows.js';
import { downloadGradient, modelShape, uploadWeights } from './weights.js';
import type { ModelTensors } from './weights.js';

export interface LossSum {
  /** Sum over all characters, nats; added in float64. */
  readonly lossSum: number;
  /** rows x sequenceLength */
  readonly characters: number;
}

export interface LossAndGradient extends LossSum {
  /** Gradient of `lossSum`, flat, in layout order; the caller's own, or what the caller gave for it. */
  readonly gradient: Float32Array;
}

/**
 * `weights` are flat, in layout order; `ids` are `rows` windows of `sequenceLength + 1` ids, row after row. Nothing
 * keeps a reference to what it is given, and no tensor outlives a call but those of a sampler.
 */
export interface Model {
  /** @param into as long as the weights, for the gradient to be written to; without it memory is made for it */
  gradients(
    weights: Float32Array,
    ids: Int32Array,
    rows: number,
    sequenceLength: number,
    into?: Float32Array,
  ): LossAndGradient;
  /** The forward pass alone. */
  loss(weights: Float32Array, ids: Int32Array, rows: number, sequenceLength: number): LossSum;
  /** One character at a time, with these weights. */
  sampler(weights: Float32Array): Sampler;
}

export function createModel(engine: ModelEngine, layout: WeightLayout): Model {
  const { tf, name } = engine;
  registerGru(tf, name);
  registerCharacterLoss(tf, name);
  registerCharacterStep(tf, name);
  const products = createProducts(tf, name);
  const shape = modelShape(layout);
  const parts: Parts = { ...engine, products, layout, shape, embedding: createEmbedding(tf, products, shape) };
  return {
    gradients: (weights, ids, rows, sequenceLength, into) =>
      scoped(tf, () => lossAndGradient(parts, weights, upload(parts, ids, rows, sequenceLength), into)),
    loss: (weights, ids, rows, sequenceLength) =>
      scoped(tf, () => lossAlone(parts, weights, upload(parts, ids, rows, sequenceLength))),
    sampler: (weights) => createSampler(tf, products, layout, weights),
  };
}

interface Parts extends ModelEngine {
  readonly products: Products;
  readonly layout: WeightLayout;
  readonly shape: ModelShape;
  readonly embedding: Embedding;
}

/** One batch on the engine: ids [T,B], targets one-hot [T B,V], the zero state [B,H]. */
interface Batch {
  readonly ids: Tensor;
  readonly targets: Tensor;
  readonly state: Tensor;
}

function upload(parts: Parts, ids: Int32Array, rows: number, sequenceLength: number): Batch {
  const { tf } = parts;
  const { vocabularySize, units } = parts.shape;
  const { inputs, targets } = timeMajor(ids, rows, sequenceLength, vocabularySize);
  return {
    ids: tf.tensor2d(inputs, [sequenceLength, rows], 'int32'),
    targets: oneHot(tf, tf.tensor1d(targets, 'int32'), vocabularySize),
    state: tf.zeros([rows, units]),
  };
}

function forward(parts: Parts, flat: Float32Array, batch: Batch, keepReserve: boolean) {
  const { tf, products, layout, embedding } = parts;
  const weights = uploadWeights(tf, layout, flat);
  const gru = {
    x: embedding.input(weights, batch.ids),
    state: batch.state,
    weightIh: embedding.inputWeights(weights),
    weightHh: weights.weightHh,
    biasIh: weights.biasIh,
    biasHh: weights.biasHh,
  };
  const [hidden, ...reserve] = runGru(tf, gru, keepReserve);
  const features = tf.reshape(hidden, [-1, parts.shape.units]);
  const dense = { weight: weights.denseWeight, bias: weights.denseBias };
  const output = denseLosses(tf, products, features, dense, batch.targets);
  return { weights, gru, reserve, hidden, features, dense, output };
}

function lossAlone(parts: Parts, flat: Float32Array, batch: Batch): LossSum {
  return sumOf(forward(parts, flat, batch, false).output.losses);
}

/**
 * The backward pass calls the kernels directly. tfjs's tape clones all that a kernel keeps and makes zeros for the
 * outputs that have no gradient: 6% of a step at 1024 units, 25% at 256.
 */
function lossAndGradient(parts: Parts, flat: Float32Array, batch: Batch, into?: Float32Array): LossAndGradient {
  const { tf, products, embedding } = parts;
  const { weights, gru, reserve, hidden, features, dense, output } = forward(parts, flat, batch, true);
  const { dfeatures, dweight } = denseBackprop(tf, products, features, dense, output.dlogits);
  const dhidden = tf.reshape(dfeatures, hidden.shape);
  const recurrent = runGruBackprop(tf, gru, reserve, dhidden, embedding.needsInputGradient);
  const input = embedding.backprop(weights, batch.ids, recurrent);
  const gradients: ModelTensors = {
    embedding: input.dembedding,
    weightIh: input.dweightIh,
    weightHh: recurrent.dweightHh,
    biasIh: recurrent.dbiasIh,
    biasHh: recurrent.dbiasHh,
    denseWeight: dweight,
    denseBias: output.dbias,
  };
  const gradient = downloadGradient(parts, gradients, into);
  return { ...sumOf(output.losses), gradient };
}

function sumOf(losses: Tensor): LossSum {
  const values = losses.dataSync<'float32'>();
  return { lossSum: values.reduce((sum, loss) => sum + loss, 0), characters: values.length };
}

/**
 * Runs `work` and drops its tensors. Not tf.tidy alone: that looks for tensors in every value of an array it returns.
 */
function scoped<T>(tf: Tfjs, work: () => T): T {
  const results: T[] = [];
  tf.tidy(() => {
    results.push(work());
  });
  return results[0];
}
