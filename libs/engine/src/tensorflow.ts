/**
 * Loading the native engine: the kernels of tfjs-node are plain JavaScript and the addon is given to them by us,
 * because tfjs-node's own entry point insists on finding it inside its package folder.
 */

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import util from 'node:util';

import { LockstepError, invariant } from '@lockstep/config';
import type { KernelBackend } from '@tensorflow/tfjs-core';

import type { DeviceRequest, Engine, TensorflowFound } from './engine.js';
import { hostFacts } from './host.js';
import { instructionSet, instructionSetName } from './instruction-set.js';
import type { InstructionSet } from './instruction-set.js';

/** What we use of the addon ourselves; the rest is between it and the kernels. */
interface Binding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
}

type BackendClass = new (binding: Binding, packageName: string) => KernelBackend;

/** Variables besides the thread count that change the bits of a result. */
const DECIDING_VARIABLES = [
  'TF_ENABLE_ONEDNN_OPTS',
  'TF_SET_ONEDNN_FPMATH_MODE',
  'ONEDNN_DEFAULT_FPMATH_MODE',
  'ONEDNN_MAX_CPU_ISA',
  'NVIDIA_TF32_OVERRIDE',
];

/**
 * Loads the native engine and makes it tfjs's current backend. Only once a process, in the thread that computes.
 * @throws LockstepError `unavailable` when the library does not load, or a GPU was asked for and TensorFlow sees none
 */
export async function loadTensorflow(found: TensorflowFound, device: DeviceRequest): Promise<Engine> {
  if (device.kind === 'gpu') {
    invariant(process.env['CUDA_VISIBLE_DEVICES'] === String(device.index), 'engineEnvironment is set before loading');
  }
  const tf = await import('@tensorflow/tfjs-core');
  invariant(tf.findBackendFactory('tensorflow') === null, 'a process loads the tensorflow engine once');
  restoreNodeUtilities();
  const require = createRequire(join(found.kernels, 'package.json'));
  const Backend = backendClass(require('./dist/nodejs_kernel_backend.js'));
  const binding = loadBinding(require, found);
  const usesGpu = binding.isUsingGpuDevice();
  if (device.kind === 'gpu' && !usesGpu) {
    throw new LockstepError(
      'unavailable',
      `GPU ${device.index} was asked for and TensorFlow ${binding.TF_Version} sees no GPU`,
      'check nvidia-smi and the driver, or choose device cpu; `lockstep doctor` shows what is missing',
    );
  }
  invariant(device.kind === 'gpu' || !usesGpu, 'engineEnvironment hides the GPUs from a CPU process');
  require('./dist/register_all_kernels.js');
  // The package's name decides what the kernels think of dilated 3-d convolutions, by device.
  const packageName = usesGpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  tf.registerBackend('tensorflow', () => new Backend(binding, packageName), 3);
  invariant(await tf.setBackend('tensorflow'), 'the registered backend starts');
  await tf.ready();
  const threads = threadCount();
  const processor = instructionSet();
  const deviceName = device.kind === 'gpu' ? await gpuName(device.index) : processor.model;
  return {
    name: 'tensorflow',
    version: binding.TF_Version,
    label: `tensorflow ${binding.TF_Version}, GRU of tfjs operations`,
    device: { kind: device.kind, name: deviceName },
    threads,
    computeClass: computeClass(found, binding.TF_Version, device.kind === 'gpu' ? deviceName : processor, threads),
    tf,
    handleCount: () => binding.getNumOfTensors(),
  };
}

async function gpuName(index: number): Promise<string> {
  return (await hostFacts()).gpus.find((gpu) => gpu.index === index)?.name ?? `GPU ${index}`;
}

/**
 * On a CPU the thread count decides how TensorFlow cuts a sum, so it is part of the class; on a GPU the model of the
 * GPU stands for all of that.
 */
function computeClass(
  found: TensorflowFound,
  version: string,
  device: InstructionSet | string,
  threads: number,
): string {
  const stock = `tensorflow-${version}-stock-${process.platform}-${process.arch}`;
  const settings = DECIDING_VARIABLES.filter((name) => process.env[name] !== undefined);
  return [
    found.source === 'cache' ? basename(found.folder) : stock,
    ...(typeof device === 'string'
      ? ['gpu', device.replace(/\s+/g, '_')]
      : ['cpu', instructionSetName(device), `threads=${threads}`]),
    ...settings.map((name) => `${name}=${process.env[name]}`),
  ].join(' ');
}

/** tfjs-node calls two functions that Node 22 warns about and Node 23 took away. */
function restoreNodeUtilities(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
}

function loadBinding(require: NodeJS.Require, found: TensorflowFound): Binding {
  let loaded: unknown;
  try {
    loaded = require(found.binding);
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new LockstepError(
      'unavailable',
      `the tensorflow engine in ${found.folder} does not load: ${message}`,
      'run `lockstep engine install` again, or choose engine wasm',
      { cause },
    );
  }
  invariant(isBinding(loaded), `${found.binding} is an addon of tfjs-node`);
  return loaded;
}

function isBinding(value: unknown): value is Binding {
  return (
    typeof value === 'object' &&
    value !== null &&
    'TF_Version' in value &&
    typeof value.TF_Version === 'string' &&
    'isUsingGpuDevice' in value &&
    'getNumOfTensors' in value
  );
}

function backendClass(module: unknown): BackendClass {
  invariant(isBackendModule(module), 'tfjs-node exports NodeJSKernelBackend');
  return module.NodeJSKernelBackend;
}

function isBackendModule(module: unknown): module is { NodeJSKernelBackend: BackendClass } {
  return (
    typeof module === 'object' &&
    module !== null &&
    'NodeJSKernelBackend' in module &&
    typeof module.NodeJSKernelBackend === 'function'
  );
}

/** TensorFlow's own reading of the variable: unset or 0 means every core it may run on. */
function threadCount(): number {
  const asked = Number(process.env['TF_NUM_INTRAOP_THREADS'] ?? '0');
  return Number.isInteger(asked) && asked > 0 ? asked : availableParallelism();
}
