/**
 * `LockstepCharacterStep` of `@lockstep/model`: one product with all recurrent weights, the gates in JavaScript, one
 * product with the dense weights. Nothing is packed: each weight is read once, which is all that a single row needs.
 */

import type { KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN } from './backend.js';
import type { OneDnn } from './library.js';

export function stepKernel(dnn: OneDnn): KernelConfig {
  return {
    kernelName: 'LockstepCharacterStep',
    backendName: ONEDNN,
    kernelFunc({ inputs, backend, attrs }) {
      const call = new HostCall(inputs, backend);
      const { length: units } = call.values('newBias');
      const { length: vocabularySize } = call.values('denseBias');
      const sums = call.array(3 * units);
      const shape = { rows: 1, inner: units, columns: 3 * units };
      dnn.product(shape, call.values('state'), false, call.values('recurrent0'), true, sums);
      const next = nextState(call, sums, Number(attrs?.['id']) * units);
      const logits = call.array(vocabularySize);
      const outputs = { rows: 1, inner: units, columns: vocabularySize };
      dnn.product(outputs, next, false, call.values('denseWeight'), true, logits);
      const bias = call.values('denseBias');
      for (let id = 0; id < vocabularySize; id++) logits[id] += bias[id];
      call.drop(call.make([sums.length], sums));
      return [call.make([1, units], next), call.make([1, vocabularySize], logits)];
    },
  };
}

/**
 * @param sums [3H], the recurrent products
 * @param offset of the character's row in what it adds to each gate
 */
function nextState(call: HostCall, sums: Float32Array, offset: number): Float32Array {
  const [resets, updates, news] = ['inputs0', 'inputs1', 'inputs2'].map((name) => call.values(name));
  const [state, newBias] = [call.values('state'), call.values('newBias')];
  const { length: units } = newBias;
  const next = call.array(units);
  for (let unit = 0; unit < units; unit++) {
    const reset = sigmoid(sums[unit] + resets[offset + unit]);
    const update = sigmoid(sums[units + unit] + updates[offset + unit]);
    const fresh = Math.tanh(news[offset + unit] + reset * (sums[2 * units + unit] + newBias[unit]));
    next[unit] = fresh + update * (state[unit] - fresh);
  }
  return next;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
