/**
 * Loading oneDNN behind tfjs: tfjs's own CPU backend under another name, with the kernels replaced in which the time
 * goes.
 */

import { invariant } from '@lockstep/config';

import type { Engine, OneDnnFound } from '../engine.js';
import { instructionSet, instructionSetName } from '../instruction-set.js';
import type { InstructionSet } from '../instruction-set.js';
import { gruKernels } from './gru-kernels.js';
import { ONEDNN, OneDnnBackend, borrowed } from './backend.js';
import { joinKernel } from './join-kernel.js';
import { OneDnn } from './library.js';
import { lossKernel } from './loss-kernel.js';
import { ArrayPool } from './pool.js';
import { productKernel } from './product-kernel.js';
import { stepKernel } from './step-kernel.js';

/** Raised when the arithmetic of a kernel here changes: it decides bits as much as the library does. */
const KERNELS = 2;

/** Variables that change the bits of a result. */
const DECIDING_VARIABLES = ['ONEDNN_DEFAULT_FPMATH_MODE', 'ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA'];

/**
 * Loads the library and makes it tfjs's current backend.
 * @throws LockstepError `unavailable` when it does not load
 */
export async function loadOneDnn(found: OneDnnFound): Promise<Engine> {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  const dnn = new OneDnn(found.library);
  const pool = new ArrayPool(dnn);
  const backend = new OneDnnBackend(pool);
  tf.registerBackend(ONEDNN, () => backend, 3);
  const own = [productKernel(dnn), ...gruKernels(dnn, pool), lossKernel, joinKernel(tf), stepKernel(dnn, pool)];
  const names = new Set(own.map(({ kernelName }) => kernelName));
  for (const kernel of own) tf.registerKernel(kernel);
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    if (!names.has(kernel.kernelName)) tf.registerKernel(borrowed(kernel));
  }
  invariant(await tf.setBackend(ONEDNN), 'the registered backend starts');
  await tf.ready();
  const processor = instructionSet();
  const threads = Number(process.env['OMP_NUM_THREADS'] ?? '1');
  return {
    name: 'onednn',
    version: dnn.version,
    label: `onednn ${dnn.version} (${dnn.instructionSet}), fused lbr_gru`,
    device: { kind: 'cpu', name: processor.model },
    threads,
    computeClass: computeClass(dnn, processor, threads),
    tf,
    copyOut: ({ dataId }, into) => backend.copyOut(dataId, into),
    handleCount: () => tf.memory().numTensors,
  };
}

/**
 * oneDNN cuts long sums by the number of threads: with AVX2 two of them give other bits than one, with AVX-512 only
 * many (seen with version 3.2 at 8).
 */
function computeClass(dnn: OneDnn, processor: InstructionSet, threads: number): string {
  const used = dnn.instructionSet.replace(' ', '-');
  const settings = DECIDING_VARIABLES.filter((name) => process.env[name] !== undefined);
  return [
    `onednn-${dnn.version} ${process.platform}-${process.arch} cpu ${used}`,
    instructionSetName(processor),
    `threads=${threads}`,
    `kernels=${KERNELS}`,
    ...settings.map((name) => `${name}=${process.env[name]}`),
  ].join(' ');
}
