/**
 * The embedding and the GRU's input weights are two linear maps in a row, x = onehot(id) M and then x W^T, so there
 * are two ways to run them:
 *
 * - folded, for small vocabularies (characters): the GRU is given onehot(id) and the folded weights W M^T [3H,V].
 *   That takes two products of width V over the whole sequence (the sums, the gradient of the folded weights).
 * - looked up, for large ones: the GRU is given rows of M. That takes three products of width E (the sums, dW, dx).
 *
 * Both give the same model; which costs less follows from the sizes alone.
 */
import { invariant } from '@lockstep/config';
import type { ModelShape } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import { sizes } from './engine.js';
import type { Tfjs } from './engine.js';
import type { GruGradients } from './gru-backprop.js';
import type { Products } from './products.js';

export interface EmbeddingWeights {
  /** M, [V,E] */
  readonly embedding: Tensor;
  /** W, [3H,E] */
  readonly weightIh: Tensor;
}

export interface Embedding {
  /** Whether the backward pass needs the gradient of x. */
  readonly needsInputGradient: boolean;
  /** The GRU's input weights, [3H,K]. */
  inputWeights(weights: EmbeddingWeights): Tensor;
  /** The GRU's input x [T,B,K] for T x B ids. */
  input(weights: EmbeddingWeights, ids: Tensor): Tensor;
  backprop(
    weights: EmbeddingWeights,
    ids: Tensor,
    gradients: Pick<GruGradients, 'dx' | 'dweightIh'>,
  ): { readonly dembedding: Tensor; readonly dweightIh: Tensor };
}

/** The cheaper of the two ways for a model of this shape. */
export function createEmbedding(tf: Tfjs, products: Products, shape: ModelShape): Embedding {
  const { vocabularySize, embedding: width } = shape;
  return 2 * vocabularySize <= 3 * width
    ? foldedEmbedding(tf, products, vocabularySize)
    : lookedUpEmbedding(tf, products, vocabularySize);
}

/**
 * int32 ids of any shape -> one more axis of V, float32. Cast, because the wasm backend fills a float32 one-hot with
 * integers.
 */
export function oneHot(tf: Tfjs, ids: Tensor, vocabularySize: number): Tensor {
  return tf.cast(tf.oneHot(ids, vocabularySize), 'float32');
}

function foldedEmbedding(tf: Tfjs, products: Products, vocabularySize: number): Embedding {
  return {
    needsInputGradient: false,
    inputWeights: ({ embedding, weightIh }) => products.timesTransposed(weightIh, embedding),
    input: (_, ids) => oneHot(tf, ids, vocabularySize),
    backprop: ({ embedding, weightIh }, _, { dweightIh }) => ({
      dembedding: products.transposedTimes(dweightIh, weightIh),
      dweightIh: tf.matMul(dweightIh, embedding),
    }),
  };
}

function lookedUpEmbedding(tf: Tfjs, products: Products, vocabularySize: number): Embedding {
  return {
    needsInputGradient: true,
    inputWeights: ({ weightIh }) => weightIh,
    input: ({ embedding }, ids) => tf.gatherND(embedding, tf.expandDims(ids, -1)),
    backprop({ embedding }, ids, { dx, dweightIh }) {
      invariant(dx !== undefined, 'a looked-up embedding needs the gradient of the input');
      const hot: Tensor = oneHot(tf, tf.reshape(ids, [-1]), vocabularySize);
      const dembedding = products.transposedTimes(hot, tf.reshape(dx, [-1, sizes(embedding)[1]]));
      return { dembedding, dweightIh };
    },
  };
}
