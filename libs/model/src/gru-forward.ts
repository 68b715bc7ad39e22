/**
 * The forward pass of the GRU over a whole sequence, reset applied after the recurrent product (Cho et al. 2014, in
 * the form of torch.nn.GRU, Keras's default and cuDNN):
 *
 *   r = sigmoid(x Wr^T + br + h Ur^T + cr)         z = sigmoid(x Wz^T + bz + h Uz^T + cz)
 *   n = tanh(x Wn^T + bn + r * (h Un^T + cn))      h' = n + z * (h - n)
 *
 * Speed comes from few small operations a step: the products with x, all biases but cn, are one product for the whole
 * sequence, with the biases as weights of one more input that is always 1. Shapes: T steps, B rows, K inputs, H
 * units.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

import { sizes } from './engine.js';
import type { Tfjs } from './engine.js';
import type { GateWeights, Products } from './products.js';

export interface GruWeights {
  /** [3H,K], gates reset, update, new */
  readonly weightIh: Tensor;
  /** [3H,H] */
  readonly weightHh: Tensor;
  /** [3H] */
  readonly biasIh: Tensor;
  /** [3H] */
  readonly biasHh: Tensor;
}

/** Weights in the form a step wants. */
export interface StepWeights {
  readonly recurrent: GateWeights;
  /** cn, [H] */
  readonly newBias: Tensor;
}

export interface PreparedGru extends StepWeights {
  /** For inputs with a last one that is always 1: see `withOnes`. */
  readonly input: GateWeights;
}

/** What one step leaves: the new state, and what the backward pass needs of it; all [B,H]. */
export interface GruStep {
  readonly state: Tensor;
  readonly reset: Tensor;
  readonly update: Tensor;
  readonly fresh: Tensor;
  /** z * (h - n) */
  readonly kept: Tensor;
  /** r * (h Un^T + cn) */
  readonly recalled: Tensor;
}

/** Tensors that a step adds to the reserve. */
export const RESERVE_PER_STEP = 5;

export function prepareGru(tf: Tfjs, products: Products, weights: GruWeights): PreparedGru {
  const units = sizes(weights.weightHh)[1];
  const [resetUpdate, fresh] = tf.split(weights.biasHh, [2 * units, units]);
  const bias = tf.add(weights.biasIh, tf.concat([resetUpdate, tf.zeros([units])]));
  return {
    input: products.prepareGates(tf.concat([weights.weightIh, tf.reshape(bias, [3 * units, 1])], 1)),
    recurrent: products.prepareGates(weights.weightHh),
    newBias: fresh,
  };
}

/** x [...,K] -> [N,K+1], the last input always 1. */
export function withOnes(tf: Tfjs, x: Tensor): Tensor {
  const width = sizes(x)[x.rank - 1];
  const count = x.size / width;
  return tf.concat([tf.reshape(x, [count, width]), tf.ones([count, 1])], 1);
}

/** One step from state [B,H]; `inputs` are the gates' products with x, [B,H] each. */
export function gruStep(
  tf: Tfjs,
  products: Products,
  weights: StepWeights,
  inputs: readonly Tensor[],
  state: Tensor,
): GruStep {
  const [recurrentReset, recurrentUpdate, recurrentNew] = products.gateProducts(state, weights.recurrent);
  const reset = tf.sigmoid(tf.add(recurrentReset, inputs[0]));
  const update = tf.sigmoid(tf.add(recurrentUpdate, inputs[1]));
  const recalled = tf.mul(reset, tf.add(recurrentNew, weights.newBias));
  const fresh = tf.tanh(tf.add(recalled, inputs[2]));
  const kept = tf.mul(update, tf.sub(state, fresh));
  return { state: tf.add(fresh, kept), reset, update, fresh, kept, recalled };
}

/**
 * All steps, inside the caller's `tidy`.
 * @param x [T,B,K], time first
 * @param state [B,H], before the first step
 * @returns hidden [T,B,H], the state after each step; with `keepReserve` followed by what `gruBackprop` takes as its
 * reserve: the states before each step [T,B,H], then RESERVE_PER_STEP tensors a step
 */
export function gruForward(
  tf: Tfjs,
  products: Products,
  inputs: GruWeights & { readonly x: Tensor; readonly state: Tensor },
  keepReserve: boolean,
): Tensor[] {
  const [steps, rows] = sizes(inputs.x);
  const units = sizes(inputs.weightHh)[1];
  const prepared = prepareGru(tf, products, inputs);
  const projected = products
    .gateProducts(withOnes(tf, inputs.x), prepared.input)
    .map((gate) => products.unstack(tf.reshape(gate, [steps, rows, units])));
  const states = [inputs.state];
  const reserve: Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    const gates = projected.map((gate) => gate[t]);
    const step = tf.tidy(() => ({ ...gruStep(tf, products, prepared, gates, states[t]) }));
    tf.dispose(gates);
    states.push(step.state);
    const kept = [step.reset, step.update, step.fresh, step.kept, step.recalled];
    if (keepReserve) reserve.push(...kept);
    else tf.dispose(kept);
  }
  const all: Tensor = tf.reshape(tf.concat(states, 0), [steps + 1, rows, units]);
  const hidden = products.rows(all, 1, steps);
  return keepReserve ? [hidden, products.rows(all, 0, steps), ...reserve] : [hidden];
}
