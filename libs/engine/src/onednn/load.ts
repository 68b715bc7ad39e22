/**
 * Loading oneDNN behind tfjs: tfjs's own CPU backend under another name, with the kernels replaced in which the time
 * goes.
 */

import { invariant } from '@lockstep/config';

import type { Engine, OneDnnFound } from '../engine.js';
import { instructionSet, instructionSetName } from '../instruction-set.js';
import type { InstructionSet } from '../instruction-set.js';
import { gruKernels } from './gru-kernels.js';
import { ONEDNN } from './host.js';
import { OneDnn } from './library.js';
import { lossKernel } from './loss-kernel.js';
import { productKernel } from './product-kernel.js';

/** Variables that change the bits of a result. */
const DECIDING_VARIABLES = ['ONEDNN_DEFAULT_FPMATH_MODE', 'ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA'];

/**
 * Loads the library and makes it tfjs's current backend.
 * @throws LockstepError `unavailable` when it does not load
 */
export async function loadOneDnn(found: OneDnnFound): Promise<Engine> {
  const tf = await import('@tensorflow/tfjs-core');
  const { MathBackendCPU } = await import('@tensorflow/tfjs-backend-cpu');
  const dnn = new OneDnn(found.library);
  const backend = new MathBackendCPU();
  // Otherwise it recommends another engine, once, on the terminal.
  Object.assign(backend, { firstUse: false });
  tf.registerBackend(ONEDNN, () => backend, 3);
  tf.copyRegisteredKernels('cpu', ONEDNN);
  for (const kernel of [productKernel(dnn), ...gruKernels(dnn), lossKernel]) {
    if (tf.getKernel(kernel.kernelName, ONEDNN) !== undefined) tf.unregisterKernel(kernel.kernelName, ONEDNN);
    tf.registerKernel(kernel);
  }
  invariant(await tf.setBackend(ONEDNN), 'the registered backend starts');
  await tf.ready();
  const processor = instructionSet();
  return {
    name: 'onednn',
    version: dnn.version,
    label: `onednn ${dnn.version} (${dnn.instructionSet}), fused lbr_gru`,
    device: { kind: 'cpu', name: processor.model },
    threads: Number(process.env['OMP_NUM_THREADS'] ?? '1'),
    computeClass: computeClass(dnn, processor),
    tf,
    handleCount: () => tf.memory().numTensors,
  };
}

/** Its sums do not depend on the number of threads, so that is not in it. */
function computeClass(dnn: OneDnn, processor: InstructionSet): string {
  const used = dnn.instructionSet.replace(' ', '-');
  return [
    `onednn-${dnn.version} ${process.platform}-${process.arch} cpu ${used}`,
    instructionSetName(processor),
    ...DECIDING_VARIABLES.filter((name) => process.env[name] !== undefined).map((name) => `${name}=${process.env[name]}`),
  ].join(' ');
}
