/**
 * Matrix products and row access, in the form that is fast on each backend. The maths is the same; the costs are not:
 *
 * - tensorflow: transpose flags are free, and a product of [B,H] with [3H,H] transposed is nearly twice as fast as
 *   with a transposed copy [H,3H]. A batch of three gate products is faster still, and taking it apart along the
 *   first axis shares memory.
 * - wasm: a product with a transpose flag leaves the fast path (15 times slower), so transposes are made explicitly;
 *   slice, split and unstack copy their whole input for every output, so rows are taken with gatherND, which copies
 *   rows alone.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

import { sizes } from './engine.js';
import type { BackendName, Tfjs } from './engine.js';

/**
 * Weights of the three gates in the form that `gateProducts` wants; made by `prepareGates`, disposed like any tensor.
 */
export type GateWeights = Tensor[];

export interface Products {
  /** Weights [3H,K], gates reset, update, new: prepared once, used in many products. */
  prepareGates(weight: Tensor): GateWeights;
  /** Inputs [N,K] -> [N,H] for each gate. */
  gateProducts(inputs: Tensor, weights: GateWeights): Tensor[];
  /** a [N,K], b [M,K] -> a b^T [N,M]. */
  timesTransposed(a: Tensor, b: Tensor): Tensor;
  /** a [N,M], b [N,K] -> a^T b [M,K]; N is long. */
  transposedTimes(a: Tensor, b: Tensor): Tensor;
  /** [T,B,H] -> [B,H] for each step. */
  unstack(x: Tensor): Tensor[];
  /** `count` rows along the first axis from row `first`. */
  rows(x: Tensor, first: number, count: number): Tensor;
}

export function createProducts(tf: Tfjs, backend: BackendName): Products {
  return backend === 'tensorflow' || backend === 'onednn' ? flagProducts(tf) : explicitProducts(tf);
}

function flagProducts(tf: Tfjs): Products {
  return {
    prepareGates(weight) {
      const [gateRows, inputs] = sizes(weight);
      return [tf.reshape(weight, [3, gateRows / 3, inputs])];
    },
    gateProducts: (inputs, [weight]) => tf.unstack(tf.matMul(inputs, weight, false, true)),
    timesTransposed: (a, b) => tf.matMul(a, b, false, true),
    transposedTimes: (a, b) => tf.matMul(a, b, true, false),
    unstack: (x) => tf.unstack(x),
    rows: (x, first, count) => tf.slice(x, first, count),
  };
}

function explicitProducts(tf: Tfjs): Products {
  const row = (x: Tensor, index: number): Tensor => tf.gatherND(x, tf.tensor2d([index], [1, 1], 'int32'));
  const rows = (x: Tensor, first: number, count: number): Tensor =>
    tf.gatherND(x, tf.tensor2d(Array.from({ length: count }, (_, i) => first + i), [count, 1], 'int32'));
  return {
    prepareGates(weight) {
      const units = sizes(weight)[0] / 3;
      return [0, 1, 2].map((gate) => tf.transpose(rows(weight, gate * units, units)));
    },
    gateProducts: (inputs, weights) => weights.map((weight) => tf.matMul(inputs, weight)),
    timesTransposed: (a, b) => tf.matMul(a, tf.transpose(b)),
    transposedTimes: (a, b) =>
      a.size <= b.size ? tf.matMul(tf.transpose(a), b) : tf.transpose(tf.matMul(tf.transpose(b), a)),
    unstack(x) {
      const [steps, ...shape] = sizes(x);
      return Array.from({ length: steps }, (_, index) => tf.reshape(row(x, index), shape));
    },
    rows,
  };
}
