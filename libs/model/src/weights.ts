/** The flat weight vector as tensors and back: one upload a tensor, one download for the whole gradient. */
import { layoutView } from '@lockstep/reduce';
import type { WeightLayout } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import type { Tfjs } from './engine.js';

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

/**
 * Tensors over a flat vector, which must not change while they live: some backends read it only when a tensor is first used.
 */
export function uploadWeights(tf: Tfjs, layout: WeightLayout, flat: Float32Array): ModelTensors {
  const upload = (name: string): Tensor => {
    const shape = layout.entries.find((entry) => entry.name === name)?.shape ?? [];
    return tf.tensor(layoutView(layout, flat, name), [...shape], 'float32');
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

/** The gradient as one flat vector in layout order. It is joined on the engine, so that it is read in one piece. */
export function downloadGradient(tf: Tfjs, d: ModelTensors): Float32Array {
  const parts = [d.embedding, d.weightIh, d.weightHh, d.biasIh, d.biasHh, d.denseWeight, d.denseBias];
  return tf.concat(parts.map((part) => tf.reshape(part, [-1]))).dataSync<'float32'>();
}
