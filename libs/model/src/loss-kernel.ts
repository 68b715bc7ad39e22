/**
 * Softmax with cross-entropy in nats as one tfjs kernel, `LockstepCharacterLoss`, with its own gradient among the
 * outputs: of the SUM of the losses, because shards are summed and divided once, by whoever knows the count. The
 * version here is made of tfjs operations; a fused one takes its place on a backend where it is registered first.
 *
 * Inputs: products [N,V], bias [V], targets [N,V] one-hot. Outputs: losses [N], one a character so that the host can
 * add them in float64; dlogits [N,V]; dbias [V].
 */
import { invariant } from '@lockstep/config';
import type { NamedTensorInfoMap, Tensor } from '@tensorflow/tfjs-core';

import type { BackendName, Tfjs } from './engine.js';

export const LOSS_KERNEL = 'LockstepCharacterLoss';

export interface CharacterLosses {
  readonly losses: Tensor;
  readonly dlogits: Tensor;
  readonly dbias: Tensor;
}

/** Registers the kernel for a backend that has none. */
export function registerCharacterLoss(tf: Tfjs, backendName: BackendName): void {
  if (tf.getKernel(LOSS_KERNEL, backendName) !== undefined) return;
  tf.registerKernel({
    kernelName: LOSS_KERNEL,
    backendName,
    kernelFunc: ({ inputs }) =>
      tf.tidy(() => {
        const logits: Tensor = tf.add(input(inputs, 'products'), input(inputs, 'bias'));
        const targets = input(inputs, 'targets');
        const shifted = tf.sub(logits, tf.max(logits, 1, true));
        const powers = tf.exp(shifted);
        const total = tf.sum(powers, 1, true);
        const losses = tf.sub(tf.reshape(tf.log(total), [-1]), tf.sum(tf.mul(shifted, targets), 1));
        const dlogits: Tensor = tf.sub(tf.div(powers, total), targets);
        return [losses, dlogits, tf.sum(dlogits, 0)];
      }),
  });
}

export function runCharacterLoss(tf: Tfjs, products: Tensor, bias: Tensor, targets: Tensor): CharacterLosses {
  const outputs: Tensor[] = tf.engine().runKernel(LOSS_KERNEL, { products, bias, targets });
  const [losses, dlogits, dbias] = outputs;
  return { losses, dlogits, dbias };
}

/** What tfjs hands a kernel as tensor infos are the tensors given to runKernel. */
function input(inputs: NamedTensorInfoMap, name: string): Tensor {
  const found = inputs[name];
  invariant(found !== undefined, `${LOSS_KERNEL} needs the input ${name}`);
  return found as Tensor;
}
