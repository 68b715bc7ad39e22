/**
 * What can be installed: two libraries, one of them also with CUDA. A build is one folder in the cache, named by
 * everything that defines it; its manifest repeats that.
 */

import { ONEDNN_RECIPE, ONEDNN_VERSION, RECIPE, TENSORFLOW_VERSION, TFJS_VERSION } from './pins.js';

export interface Build {
  readonly engine: 'onednn' | 'tensorflow';
  /** As it is called in a line of text. */
  readonly title: string;
  readonly gpu: boolean;
  readonly version: string;
  /** What defines it, apart from the platform; in its manifest under these names. */
  readonly identity: Readonly<Record<string, string | number | boolean>>;
  /** Parts of its folder's name before the platform and after it. */
  readonly name: readonly [string, string];
  /** The file that is loaded, with `/`; its hash is checked whenever the build is looked for. */
  readonly entry: string;
  /** The command that installs it. */
  readonly command: string;
}

const TENSORFLOW = {
  engine: 'tensorflow',
  title: 'TensorFlow',
  version: TENSORFLOW_VERSION,
  // The addon; beside it lie TensorFlow's libraries, where their run paths expect each other.
  entry: 'tensorflow/tfjs_binding.node',
} as const;

const TENSORFLOW_IDENTITY = { recipe: RECIPE, tensorflow: TENSORFLOW_VERSION, tfjs: TFJS_VERSION };

export const ONEDNN_BUILD: Build = {
  engine: 'onednn',
  title: 'oneDNN',
  gpu: false,
  version: ONEDNN_VERSION,
  identity: { recipe: ONEDNN_RECIPE, onednn: ONEDNN_VERSION },
  name: [`onednn-${ONEDNN_VERSION}`, `r${ONEDNN_RECIPE}`],
  entry: 'libdnnl.so.3.2',
  command: 'lockstep engine install',
};

export const TENSORFLOW_CPU_BUILD: Build = {
  ...TENSORFLOW,
  gpu: false,
  identity: { ...TENSORFLOW_IDENTITY, gpu: false },
  name: [`tensorflow-${TENSORFLOW_VERSION}-cpu-tfjs-${TFJS_VERSION}`, `r${RECIPE}`],
  command: 'lockstep engine install tensorflow',
};

export const TENSORFLOW_GPU_BUILD: Build = {
  ...TENSORFLOW,
  gpu: true,
  identity: { ...TENSORFLOW_IDENTITY, gpu: true },
  name: [`tensorflow-${TENSORFLOW_VERSION}-gpu-tfjs-${TFJS_VERSION}`, `r${RECIPE}`],
  command: 'lockstep engine install --gpu',
};

/** TensorFlow's build for a kind of device. */
export function tensorflowBuild(gpu: boolean): Build {
  return gpu ? TENSORFLOW_GPU_BUILD : TENSORFLOW_CPU_BUILD;
}
