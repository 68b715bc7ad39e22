/**
 * `LockstepCharacterLoss` of `@lockstep/model`: softmax with cross-entropy and its gradient in one pass over the
 * logits. In JavaScript: its exponentials, the same on every machine, cost less than moving the values through
 * separate operations.
 */

import type { KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN } from './backend.js';
import { exponential } from './curves.js';

export const lossKernel: KernelConfig = {
  kernelName: 'LockstepCharacterLoss',
  backendName: ONEDNN,
  kernelFunc({ inputs, backend }) {
    const call = new HostCall(inputs, backend);
    const made = characterLosses(call, call.values('products'), call.values('bias'), call.values('targets'));
    return [
      call.make([made.losses.length], made.losses),
      call.make(call.shape('products'), made.dlogits),
      call.make([made.dbias.length], made.dbias),
    ];
  },
};

/** @param products [N,V], bias [V], targets [N,V] one-hot */
function characterLosses(call: HostCall, products: Float32Array, bias: Float32Array, targets: Float32Array) {
  const width = bias.length;
  const losses = call.array(products.length / width);
  const dlogits = call.array(products.length);
  const sums = new Float64Array(width);
  for (let row = 0, start = 0; start < products.length; row++, start += width) {
    let largest = -Infinity;
    for (let id = 0; id < width; id++) {
      const logit = products[start + id] + bias[id];
      dlogits[start + id] = logit;
      // Written so that NaN stays.
      if (!(logit <= largest)) largest = logit;
    }
    let total = 0;
    let wanted = 0;
    for (let id = 0; id < width; id++) {
      const shifted = dlogits[start + id] - largest;
      const power = exponential(shifted);
      total += power;
      wanted += shifted * targets[start + id];
      dlogits[start + id] = power;
    }
    losses[row] = Math.log(total) - wanted;
    const share = 1 / total;
    for (let id = 0; id < width; id++) {
      const gradient = dlogits[start + id] * share - targets[start + id];
      dlogits[start + id] = gradient;
      sums[id] += gradient;
    }
  }
  return { losses, dlogits, dbias: Float32Array.from(sums) };
}
