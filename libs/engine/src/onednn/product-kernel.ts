/** Matrix products, `BatchMatMul` in tfjs's words, with either side transposed and batches of one shared. */

import { invariant } from '@lockstep/config';
import type { KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN, floats, sizeOf } from './host.js';
import type { OneDnn } from './library.js';

export function productKernel(dnn: OneDnn): KernelConfig {
  return {
    kernelName: 'BatchMatMul',
    backendName: ONEDNN,
    kernelFunc({ inputs, backend, attrs }) {
      const call = new HostCall(inputs, backend);
      const [isATransposed, isBTransposed] = [attrs?.['transposeA'] === true, attrs?.['transposeB'] === true];
      const a = matrices(call.shape('a'), isATransposed);
      const b = matrices(call.shape('b'), isBTransposed);
      const batch = Math.max(a.count, b.count);
      const fits = a.columns === b.rows && [a.count, b.count].every((count) => count === batch || count === 1);
      invariant(fits, `no product of [${call.shape('a').join()}] and [${call.shape('b').join()}]`);
      const sizes = { rows: a.rows, inner: a.columns, columns: b.columns };
      const [left, right] = [call.values('a'), call.values('b')];
      const result = floats(batch * a.rows * b.columns);
      for (let index = 0; index < batch && result.length > 0; index++) {
        const [from, by] = [part(left, a.count, index), part(right, b.count, index)];
        dnn.product(sizes, from, isATransposed, by, isBTransposed, part(result, batch, index));
      }
      return call.make([...(a.count >= b.count ? a : b).leading, a.rows, b.columns], result);
    },
  };
}

/** A tensor seen as `count` matrices, transposed if they are stored so. */
function matrices(shape: readonly number[], isTransposed: boolean) {
  const leading = shape.slice(0, -2);
  const [height = 0, width = 0] = shape.slice(-2);
  const [rows, columns] = isTransposed ? [width, height] : [height, width];
  return { leading, count: sizeOf(leading), rows, columns };
}

function part(values: Float32Array, count: number, index: number): Float32Array {
  if (count === 1) return values;
  const length = values.length / count;
  return values.subarray(index * length, (index + 1) * length);
}
