/**
 * Joining vectors end to end, as the gradient's parts are. Everything else about `Concat` is tfjs's own.
 */

import type * as tfjs from '@tensorflow/tfjs-core';
import type { KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN, borrowed } from './backend.js';

export function joinKernel(tf: typeof tfjs): KernelConfig {
  const general = borrowed(tf.getKernel('Concat', 'cpu'));
  return {
    ...general,
    backendName: ONEDNN,
    kernelFunc: (params) => {
      const { inputs, backend } = params;
      const names = Object.keys(inputs);
      const isVectors = Object.values(inputs).every((input) => input?.shape.length === 1 && input.dtype === 'float32');
      if (!isVectors) return general.kernelFunc(params);
      const call = new HostCall(inputs, backend);
      const parts = names.map((name) => call.values(name));
      const joined = call.array(parts.reduce((sum, { length }) => sum + length, 0));
      let offset = 0;
      for (const part of parts) {
        joined.set(part, offset);
        offset += part.length;
      }
      return call.make([joined.length], joined);
    },
  };
}
