/**
 * Back-propagation through time. With dh the gradient that reaches the state after a step, the chain rule gives for
 * the gates' sums (before sigmoid and tanh)
 *
 *   g = dh (1-z)              dz = dh z (1-z) (h-n) = g kept
 *   dn = g (1-n^2)            dr = dn (h Un^T + cn) r (1-r) = recalled (dn - dn r)
 *
 * and, with m = dn r the gradient of (h Un^T + cn), dh' = dh z + [dr dz m] U for the state before the step. Only that
 * runs step by step; each weight gradient is one product over the whole sequence. [dr dz m] serves the recurrent
 * weights, [dr dz dn] the input ones: both stacks would cost a copy of the larger part, so the last third of the
 * input's product is made apart.
 */
import type { Tensor } from '@tensorflow/tfjs-core';

import { sizes } from './engine.js';
import type { Tfjs } from './engine.js';
import type { GruWeights } from './gru-forward.js';
import { RESERVE_PER_STEP, withOnes } from './gru-forward.js';
import type { Products } from './products.js';

export interface GruBackpropInputs extends Omit<GruWeights, 'biasIh' | 'biasHh'> {
  /** [T,B,K] */
  readonly x: Tensor;
  /** [T,B,H]: gradient of the loss with respect to the state after each step */
  readonly dhidden: Tensor;
  /** what `gruForward` returned after the hidden states */
  readonly reserve: readonly Tensor[];
}

export interface GruGradients {
  /** [T,B,K]; absent unless asked for */
  readonly dx?: Tensor;
  readonly dstate: Tensor;
  readonly dweightIh: Tensor;
  readonly dweightHh: Tensor;
  readonly dbiasIh: Tensor;
  readonly dbiasHh: Tensor;
}

interface Chain {
  /** [dr dz m] of every step, [B,3H] */
  readonly gates: Tensor[];
  /** dn of every step, [B,H] */
  readonly fresh: Tensor[];
  /** gradient of the state before the first step, [B,H] */
  readonly dstate: Tensor;
}

/** All gradients of the GRU, inside the caller's `tidy`. */
export function gruBackprop(
  tf: Tfjs,
  products: Products,
  inputs: GruBackpropInputs,
  needsInput: boolean,
): GruGradients {
  const { x, weightIh, weightHh, reserve } = inputs;
  const units = sizes(weightHh)[1];
  const [before, ...activations] = reserve;
  const chain = backThroughSteps(tf, products.unstack(inputs.dhidden), activations, weightHh);
  const gates = tf.concat(chain.gates, 0);
  const fresh = tf.concat(chain.fresh, 0);
  tf.dispose([chain.gates, chain.fresh]);

  const dweightHh = products.transposedTimes(gates, tf.reshape(before, [-1, units]));
  const ones = withOnes(tf, x);
  const byGates = products.transposedTimes(gates, ones);
  const byInput = tf.concat([products.rows(byGates, 0, 2 * units), products.transposedTimes(fresh, ones)], 0);
  const width = sizes(x)[2];
  const lastColumn = (sums: Tensor): Tensor => tf.reshape(tf.slice(sums, [0, width], [3 * units, 1]), [3 * units]);
  return {
    ...(needsInput && { dx: inputGradient(tf, products, gates, fresh, weightIh, sizes(x)) }),
    dstate: chain.dstate,
    dweightIh: tf.slice(byInput, [0, 0], [3 * units, width]),
    dweightHh,
    dbiasIh: lastColumn(byInput),
    dbiasHh: lastColumn(byGates),
  };
}

function backThroughSteps(
  tf: Tfjs,
  dhidden: readonly Tensor[],
  activations: readonly Tensor[],
  weightHh: Tensor,
): Chain {
  const gates = new Array<Tensor>(dhidden.length);
  const fresh = new Array<Tensor>(dhidden.length);
  let dstate = dhidden[dhidden.length - 1];
  for (let t = dhidden.length - 1; t >= 0; t--) {
    const [r, z, n, kept, recalled] = activations.slice(t * RESERVE_PER_STEP, (t + 1) * RESERVE_PER_STEP);
    const dh = dstate;
    const step = tf.tidy(() => {
      const direct = tf.mul(dh, z);
      const g = tf.sub(dh, direct);
      const dn = tf.sub(g, tf.mul(g, tf.square(n)));
      const m: Tensor = tf.mul(dn, r);
      const dr = tf.mul(recalled, tf.sub(dn, m));
      const stacked = tf.concat([dr, tf.mul(g, kept), m], 1);
      const terms = [tf.matMul(stacked, weightHh), direct, ...(t > 0 ? [dhidden[t - 1]] : [])];
      return { dn, stacked, dstate: tf.addN(terms) };
    });
    dh.dispose();
    gates[t] = step.stacked;
    fresh[t] = step.dn;
    dstate = step.dstate;
  }
  return { gates, fresh, dstate };
}

/** [dr dz dn] times the input weights, with the rows of the new gate taken from `fresh`. */
function inputGradient(
  tf: Tfjs,
  products: Products,
  gates: Tensor,
  fresh: Tensor,
  weightIh: Tensor,
  shape: number[],
): Tensor {
  const units = sizes(fresh)[1];
  const masked = tf.concat([products.rows(weightIh, 0, 2 * units), tf.zeros([units, sizes(weightIh)[1]])]);
  const sum = tf.add(tf.matMul(gates, masked), tf.matMul(fresh, products.rows(weightIh, 2 * units, units)));
  return tf.reshape(sum, shape);
}
