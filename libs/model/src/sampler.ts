/**
 * One character at a time. Weights, in the form that a step wants them, and the state stay on the engine between
 * calls; only logits come back. It has a kernel of its own: a fused GRU packs its weights anew at every call, which
 * pays for a sequence and not for a step.
 */
import { invariant } from '@lockstep/config';
import type { WeightLayout } from '@lockstep/reduce';
import type { Tensor } from '@tensorflow/tfjs-core';

import { denseLogits } from './character-loss.js';
import type { Tfjs } from './engine.js';
import { prepareGru, withOnes } from './gru-forward.js';
import type { Products } from './products.js';
import { createCharacterStep } from './step-kernel.js';
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
  const runStep = createCharacterStep(tf, { step, dense, inputs });
  let state = tf.zeros([1, units]);

  function moveTo(next: Tensor): void {
    state.dispose();
    state = next;
  }

  /** Returns the logits, which the caller disposes of. */
  function read(id: number): Tensor {
    invariant(Number.isInteger(id) && id >= 0 && id < vocabularySize, `id ${id} in a vocabulary of ${vocabularySize}`);
    const result = runStep(state, id);
    moveTo(result.state);
    return result.logits;
  }

  function download(logits: Tensor): Float32Array {
    const values = logits.dataSync<'float32'>();
    logits.dispose();
    return values;
  }

  return {
    prime(ids) {
      moveTo(tf.zeros([1, units]));
      let logits = tf.tidy(() => denseLogits(tf, products, state, dense));
      for (let i = 0; i < ids.length; i++) {
        logits.dispose();
        logits = read(ids[i]);
      }
      return download(logits);
    },
    next: (id) => download(read(id)),
    dispose: () => tf.dispose([step.recurrent, step.newBias, dense.weight, dense.bias, inputs, state]),
  };
}
