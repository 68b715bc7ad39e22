/**
 * The output layer: one dense map from features to logits, and back. Shapes: N characters, H units, V ids.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

import type { Tfjs } from './engine.js';
import { runCharacterLoss } from './loss-kernel.js';
import type { CharacterLosses } from './loss-kernel.js';
import type { Products } from './products.js';

export interface DenseWeights {
  /** [V,H] */
  readonly weight: Tensor;
  /** [V] */
  readonly bias: Tensor;
}

/** features [N,H] -> [N,V] */
export function denseLogits(tf: Tfjs, products: Products, features: Tensor, dense: DenseWeights): Tensor {
  return tf.add(products.timesTransposed(features, dense.weight), dense.bias);
}

/** @param targets one-hot, [N,V] */
export function denseLosses(
  tf: Tfjs,
  products: Products,
  features: Tensor,
  dense: DenseWeights,
  targets: Tensor,
): CharacterLosses {
  return runCharacterLoss(tf, products.timesTransposed(features, dense.weight), dense.bias, targets);
}

/** Gradients of the sum of the losses. */
export function denseBackprop(
  tf: Tfjs,
  products: Products,
  features: Tensor,
  dense: DenseWeights,
  dlogits: Tensor,
): { readonly dfeatures: Tensor; readonly dweight: Tensor } {
  return { dfeatures: tf.matMul(dlogits, dense.weight), dweight: products.transposedTimes(dlogits, features) };
}
