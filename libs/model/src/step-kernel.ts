/**
 * One character through the whole model as a tfjs kernel, `LockstepCharacterStep`: what a sampler does a thousand
 * times a second, so that every operation counts. The version here is made of tfjs operations; a fused one takes its
 * place on a backend where it is registered first.
 *
 * Inputs: state [1,H], newBias [H], denseWeight [V,H], denseBias [V]; inputs0, inputs1, ... what each character adds
 * to the gates, [V,H] a gate; recurrent0, ... the recurrent weights as `Products.prepareGates` makes them. Attribute:
 * id. Outputs: the next state [1,H]; logits [1,V].
 */
import { invariant } from '@lockstep/config';
import type { NamedTensorInfoMap, NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';

import { denseLogits } from './character-loss.js';
import type { DenseWeights } from './character-loss.js';
import type { BackendName, Tfjs } from './engine.js';
import { gruStep } from './gru-forward.js';
import type { StepWeights } from './gru-forward.js';
import { createProducts } from './products.js';

const STEP_KERNEL = 'LockstepCharacterStep';

export interface CharacterStepWeights {
  readonly step: StepWeights;
  readonly dense: DenseWeights;
  /** [V,H] for each gate */
  readonly inputs: readonly Tensor[];
}

/** Registers the kernel for a backend that has none. */
export function registerCharacterStep(tf: Tfjs, backendName: BackendName): void {
  if (tf.getKernel(STEP_KERNEL, backendName) !== undefined) return;
  const products = createProducts(tf, backendName);
  tf.registerKernel({
    kernelName: STEP_KERNEL,
    backendName,
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => {
        const gates = list(inputs, 'inputs').map((gate) => products.rows(gate, Number(attrs?.['id']), 1));
        const weights = { recurrent: list(inputs, 'recurrent'), newBias: tensor(inputs, 'newBias') };
        const dense = { weight: tensor(inputs, 'denseWeight'), bias: tensor(inputs, 'denseBias') };
        const { state } = gruStep(tf, products, weights, gates, tensor(inputs, 'state'));
        return [state, denseLogits(tf, products, state, dense)];
      }),
  });
}

/** Runs the kernel with these weights; it is called for every character, so that what can be is done beforehand. */
export function createCharacterStep(
  tf: Tfjs,
  { step, dense, inputs }: CharacterStepWeights,
): (state: Tensor, id: number) => { readonly state: Tensor; readonly logits: Tensor } {
  const weights: NamedTensorMap = {
    ...{ newBias: step.newBias, denseWeight: dense.weight, denseBias: dense.bias },
    ...Object.fromEntries(inputs.map((gate, index) => [`inputs${index}`, gate])),
    ...Object.fromEntries(step.recurrent.map((part, index) => [`recurrent${index}`, part])),
  };
  return (state, id) => {
    const outputs: Tensor[] = tf.engine().runKernel(STEP_KERNEL, { ...weights, state }, { id });
    const [next, logits] = outputs;
    return { state: next, logits };
  };
}

/** What tfjs hands a kernel as tensor infos are the tensors given to runKernel. */
function tensor(inputs: NamedTensorInfoMap, name: string): Tensor {
  const found = inputs[name];
  invariant(found !== undefined, `${STEP_KERNEL} needs the input ${name}`);
  return found as Tensor;
}

function list(inputs: NamedTensorInfoMap, name: string): Tensor[] {
  const found: Tensor[] = [];
  while (inputs[`${name}${found.length}`] !== undefined) found.push(tensor(inputs, `${name}${found.length}`));
  return found;
}
