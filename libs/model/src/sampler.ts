/**
 * One character at a time. Weights, in the form that a step wants them, and the state stay on the engine between
 * calls; only logits come back. It does not go through the GRU kernels: a fused one packs its weights anew at every
 * call, which pays for a sequence and not for a step.
 */
import { invariant } from '@lockstep/config';
import type { WeightLayout } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import { denseLogits } from './character-loss.js';
import type { Tfjs } from './engine.js';
import { gruStep, prepareGru, withOnes } from './gru-forward.js';
import type { Products } from './products.js';
import { modelShape, uploadWeights } from './weights.js';

export interface Sampler {
  /** Starts over from the zero state and reads `ids`, if any; returns the logits [V] of the next character. */
  prime(ids: ArrayLike<number>): Float32Array;
  /** Reads one more character; returns the logits [V] of the next one. */
  next(id: number): Float32Array;
  /** Frees the tensors; the sampler cannot be used afterwards. */
  dispose(): void;
}

/** @param flat is copied: the caller may go on training while the sampler lives */
export function createSampler(tf: Tfjs, products: Products, layout: WeightLayout, flat: Float32Array): Sampler {
  const { vocabularySize, units } = modelShape(layout);
  const { step, dense, inputs } = tf.tidy(() => {
    const weights = uploadWeights(tf, layout, flat.slice());
    const { input, ...step } = prepareGru(tf, products, weights);
    return {
      step,
      dense: { weight: weights.denseWeight, bias: weights.denseBias },
      // What a character adds to each gate, biases included: one row of [V,H] for every character.
      inputs: products.gateProducts(withOnes(tf, weights.embedding), input),
    };
  });
  let state = tf.zeros([1, units]);

  function moveTo(next: Tensor): void {
    state.dispose();
    state = next;
  }

  function read(id: number): void {
    invariant(Number.isInteger(id) && id >= 0 && id < vocabularySize, `id ${id} in a vocabulary of ${vocabularySize}`);
    moveTo(
      tf.tidy(() => {
        const gates = inputs.map((gate) => products.rows(gate, id, 1));
        return gruStep(tf, products, step, gates, state).state;
      }),
    );
  }

  function logits(): Float32Array {
    const result = tf.tidy(() => denseLogits(tf, products, state, dense));
    const values = result.dataSync<'float32'>();
    result.dispose();
    return values;
  }

  return {
    prime(ids) {
      moveTo(tf.zeros([1, units]));
      for (let i = 0; i < ids.length; i++) read(ids[i]);
      return logits();
    },
    next(id) {
      read(id);
      return logits();
    },
    dispose: () => tf.dispose([step.recurrent, step.newBias, dense.weight, dense.bias, inputs, state]),
  };
}
