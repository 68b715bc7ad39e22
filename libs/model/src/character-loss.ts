/**
 * The output layer with softmax and cross-entropy in nats, forward and backward. Losses stay one a character, so that
 * the host can add them in float64, and the gradient is that of their SUM: shards are summed and divided once, by
 * whoever knows the count. Shapes: N characters, H units, V ids.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

import type { Tfjs } from './engine.js';
import type { Products } from './products.js';

export interface DenseWeights {
  /** [V,H] */
  readonly weight: Tensor;
  /** [V] */
  readonly bias: Tensor;
}

export interface CharacterLosses {
  /** [N], nats */
  readonly losses: Tensor;
  /** [N,V] */
  readonly probabilities: Tensor;
}

/** features [N,H] -> [N,V] */
export function denseLogits(tf: Tfjs, products: Products, features: Tensor, dense: DenseWeights): Tensor {
  return tf.add(products.timesTransposed(features, dense.weight), dense.bias);
}

/** @param targets one-hot, [N,V] */
export function characterLosses(tf: Tfjs, logits: Tensor, targets: Tensor): CharacterLosses {
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const powers = tf.exp(shifted);
  const total = tf.sum(powers, 1, true);
  const losses = tf.sub(tf.reshape(tf.log(total), [-1]), tf.sum(tf.mul(shifted, targets), 1));
  return { losses, probabilities: tf.div(powers, total) };
}

/** Gradients of the sum of the losses. */
export function characterLossesBackprop(
  tf: Tfjs,
  products: Products,
  features: Tensor,
  dense: DenseWeights,
  probabilities: Tensor,
  targets: Tensor,
): { readonly dfeatures: Tensor; readonly dweight: Tensor; readonly dbias: Tensor } {
  const dlogits = tf.sub(probabilities, targets);
  return {
    dfeatures: tf.matMul(dlogits, dense.weight),
    dweight: products.transposedTimes(dlogits, features),
    dbias: tf.sum(dlogits, 0),
  };
}
