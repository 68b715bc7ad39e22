/** The flat weight vector as tensors and back: one upload a tensor, one download for the whole gradient. */
import { invariant } from '@lockstep/config';
import { layoutView } from '@lockstep/reduce';
import type { ModelShape, WeightLayout } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import type { ModelEngine, Tfjs } from './engine.js';

/** Tensors in the layout's names and shapes. */
export interface ModelTensors {
  readonly embedding: Tensor;
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
  readonly denseWeight: Tensor;
  readonly denseBias: Tensor;
}

/** The three sizes that a layout was made of. */
export function modelShape(layout: WeightLayout): ModelShape {
  const [vocabularySize, embedding] = shapeOf(layout, 'embedding.weight');
  const [, units] = shapeOf(layout, 'dense.weight');
  return { vocabularySize, embedding, units };
}

/**
 * Tensors over a flat vector, which must not change while they live: some backends read it only when a tensor is
 * first used.
 */
export function uploadWeights(tf: Tfjs, layout: WeightLayout, flat: Float32Array): ModelTensors {
  const upload = (name: string): Tensor => {
    return tf.tensor(layoutView(layout, flat, name), shapeOf(layout, name), 'float32');
  };
  return {
    embedding: upload('embedding.weight'),
    weightIh: upload('gru.weight_ih_l0'),
    weightHh: upload('gru.weight_hh_l0'),
    biasIh: upload('gru.bias_ih_l0'),
    biasHh: upload('gru.bias_hh_l0'),
    denseWeight: upload('dense.weight'),
    denseBias: upload('dense.bias'),
  };
}

/**
 * The gradient as one flat vector in layout order. It is joined on the engine, so that it is read in one piece, unless
 * its tensors can be copied right to where it is wanted.
 */
export function downloadGradient(
  { tf, copyOut }: ModelEngine,
  gradient: ModelTensors,
  into?: Float32Array,
): Float32Array {
  const parts = inLayoutOrder(gradient);
  if (into === undefined || copyOut === undefined) {
    const joined = tf.concat(parts.map((part) => tf.reshape(part, [-1]))).dataSync<'float32'>();
    into?.set(joined);
    return into ?? joined;
  }
  let end = 0;
  for (const part of parts) {
    copyOut(part, into.subarray(end, end + part.size));
    end += part.size;
  }
  invariant(end === into.length, `a gradient of ${end} values in room for ${into.length}`);
  return into;
}

function inLayoutOrder(of: ModelTensors): readonly Tensor[] {
  return [of.embedding, of.weightIh, of.weightHh, of.biasIh, of.biasHh, of.denseWeight, of.denseBias];
}

function shapeOf(layout: WeightLayout, name: string): number[] {
  const entry = layout.entries.find((candidate) => candidate.name === name);
  invariant(entry !== undefined, `no weight is called ${name}`);
  return [...entry.shape];
}
