/**
 * The GRU as a pair of tfjs kernels, `LockstepGru` and `LockstepGruBackprop`, and the gradient that joins them. The
 * versions here are made of tfjs operations and run on every backend; a fused one takes the place of the pair on one
 * backend when it is registered there first, and has only to honour the inputs and outputs below.
 *
 * - LockstepGru: inputs of `GruInputs`; attribute keepReserve; outputs hidden [T,B,H] and, if asked, the reserve: any
 *   number of tensors, read by the same backend's LockstepGruBackprop alone.
 * - LockstepGruBackprop: inputs x, weightIh, weightHh, dhidden [T,B,H], reserve0, reserve1, ...; attribute
 *   needsInputGradient; outputs dstate, dweightIh, dweightHh, dbiasIh, dbiasHh and, if asked, dx.
 */
import { invariant } from '@lockstep/config';
import type { GradConfig, NamedTensorInfoMap, NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';

import type { BackendName, Tfjs } from './engine.js';
import type { GruBackpropInputs, GruGradients } from './gru-backprop.js';
import { gruBackprop } from './gru-backprop.js';
import type { GruWeights } from './gru-forward.js';
import { gruForward } from './gru-forward.js';
import { createProducts } from './products.js';

export const GRU_KERNEL = 'LockstepGru';
export const GRU_BACKPROP_KERNEL = 'LockstepGruBackprop';

export interface GruInputs extends GruWeights {
  /** [T,B,K], time first */
  readonly x: Tensor;
  /** [B,H], before the first step */
  readonly state: Tensor;
}

/** Registers the pair for a backend that has none, and the gradient. */
export function registerGru(tf: Tfjs, backendName: BackendName): void {
  const products = createProducts(tf, backendName);
  if (tf.getKernel(GRU_KERNEL, backendName) === undefined) {
    tf.registerKernel({
      kernelName: GRU_KERNEL,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => gruForward(tf, products, gruInputs(inputs), attrs?.['keepReserve'] === true)),
    });
    tf.registerKernel({
      kernelName: GRU_BACKPROP_KERNEL,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => {
          const d = gruBackprop(tf, products, gruBackpropInputs(inputs), attrs?.['needsInputGradient'] === true);
          return [d.dstate, d.dweightIh, d.dweightHh, d.dbiasIh, d.dbiasHh, ...(d.dx === undefined ? [] : [d.dx])];
        }),
    });
  }
  if (tf.getGradient(GRU_KERNEL) === undefined) tf.registerGradient(gruGradient(tf));
}

/** Runs the forward kernel; the first tensor is hidden [T,B,H], the rest the reserve. */
export function runGru(tf: Tfjs, inputs: GruInputs, keepReserve: boolean): Tensor[] {
  return tf.engine().runKernel(GRU_KERNEL, { ...inputs }, { keepReserve });
}

/** Runs the backward kernel on what the forward one kept. */
export function runGruBackprop(
  tf: Tfjs,
  inputs: GruInputs,
  reserve: readonly Tensor[],
  dhidden: Tensor,
  needsInputGradient: boolean,
): GruGradients {
  const named: NamedTensorMap = { x: inputs.x, weightIh: inputs.weightIh, weightHh: inputs.weightHh, dhidden };
  reserve.forEach((kept, index) => {
    named[`reserve${index}`] = kept;
  });
  const outputs: Tensor[] = tf.engine().runKernel(GRU_BACKPROP_KERNEL, named, { needsInputGradient });
  const [dstate, dweightIh, dweightHh, dbiasIh, dbiasHh, dx] = outputs;
  return { dstate, dweightIh, dweightHh, dbiasIh, dbiasHh, ...(needsInputGradient && { dx }) };
}

const INPUT_NAMES = ['x', 'state', 'weightIh', 'weightHh', 'biasIh', 'biasHh'];

/**
 * For tf.grads: the tape keeps the inputs alone, and the forward pass runs once more for its reserve. That keeps the
 * number of outputs free, which the tape must otherwise know beforehand. The model calls the pair directly.
 */
function gruGradient(tf: Tfjs): GradConfig {
  return {
    kernelName: GRU_KERNEL,
    inputsToSave: INPUT_NAMES,
    gradFunc(dy, saved) {
      const inputs = gruInputs(Object.fromEntries(INPUT_NAMES.map((name, index) => [name, saved[index]])));
      const [, ...reserve] = runGru(tf, inputs, true);
      const { dx, ...d } = runGruBackprop(tf, inputs, reserve, Array.isArray(dy) ? dy[0] : dy, true);
      invariant(dx !== undefined, `${GRU_BACKPROP_KERNEL} made no gradient of its input`);
      return {
        x: () => dx,
        state: () => d.dstate,
        weightIh: () => d.dweightIh,
        weightHh: () => d.dweightHh,
        biasIh: () => d.dbiasIh,
        biasHh: () => d.dbiasHh,
      };
    },
  };
}

/** What tfjs hands a kernel as tensor infos are the tensors given to runKernel. */
function tensor(inputs: NamedTensorInfoMap, name: string): Tensor {
  const found = inputs[name];
  invariant(found !== undefined, `a GRU kernel needs the input ${name}`);
  return found as Tensor;
}

function gruInputs(inputs: NamedTensorInfoMap): GruInputs {
  return {
    x: tensor(inputs, 'x'),
    state: tensor(inputs, 'state'),
    weightIh: tensor(inputs, 'weightIh'),
    weightHh: tensor(inputs, 'weightHh'),
    biasIh: tensor(inputs, 'biasIh'),
    biasHh: tensor(inputs, 'biasHh'),
  };
}

function gruBackpropInputs(inputs: NamedTensorInfoMap): GruBackpropInputs {
  const reserve: Tensor[] = [];
  for (let name = 'reserve0'; inputs[name] !== undefined; name = `reserve${reserve.length}`) {
    reserve.push(tensor(inputs, name));
  }
  return {
    reserve,
    x: tensor(inputs, 'x'),
    weightIh: tensor(inputs, 'weightIh'),
    weightHh: tensor(inputs, 'weightHh'),
    dhidden: tensor(inputs, 'dhidden'),
  };
}
