/**
 * Native libraries read their thread counts and devices from the environment when they are loaded, and never again. A
 * worker thread only has a copy of `process.env`, which native code does not see: so the launcher hands these
 * variables to the process it starts, or the main thread sets them before it starts the thread that loads the engine.
 */

import { LockstepError } from '@lockstep/config';

import type { DeviceRequest } from './engine.js';

/**
 * The variables a process needs before it loads an engine. The user's own log level and spin count stay.
 * @param threads threads one operation may use, at least 1
 * @throws LockstepError `config` when `threads` or the GPU index is not a count
 */
export function engineEnvironment(
  needs: { readonly threads: number; readonly device: DeviceRequest },
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const { threads, device } = needs;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new LockstepError('config', `${threads} engine threads were asked for`, 'give a whole number of 1 or more');
  }
  const common = {
    TF_NUM_INTRAOP_THREADS: String(threads),
    // tfjs runs one op after the other; a second pool would only compete with the first for the same cores.
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: String(threads),
    // Threads that wait must sleep: spinning ones take the cores from others, ten times slower on a busy machine. But
    // not at once: half the time of small products went into waking them. This many turns, some 30 us, are about what
    // waking one costs, so that a wait costs at most twice what the better choice would have.
    OMP_WAIT_POLICY: 'passive',
    GOMP_SPINCOUNT: environment['GOMP_SPINCOUNT'] ?? '3000',
    TF_CPP_MIN_LOG_LEVEL: environment['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
  };
  if (device.kind === 'cpu') return { ...common, CUDA_VISIBLE_DEVICES: '-1' };
  if (!Number.isInteger(device.index) || device.index < 0) {
    throw new LockstepError('config', `GPU index ${device.index} is not one`, 'give a whole number of 0 or more');
  }
  return {
    ...common,
    // tfjs places tensors on the last visible GPU and ops on the first: there must be one only.
    CUDA_VISIBLE_DEVICES: String(device.index),
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    // Otherwise TensorFlow takes the whole card and a second process on it fails.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    // cuBLAS and cuDNN's recurrent layers repeat bit for bit only with a fixed workspace.
    CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  };
}
