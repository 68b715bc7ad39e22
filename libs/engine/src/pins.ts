/**
 * What exactly is installed: versions, and the SHA-256 of every wheel, so that two machines that say the same thing
 * run the same bytes. Raise `RECIPE` when the way the build is made changes what is built.
 *
 * Only the Linux x64 CPU build is run by this project's own tests. The Linux arm64 wheel is pinned and never run; the
 * CUDA build is loaded, not computed with, where no GPU is at hand.
 */

export const TENSORFLOW_VERSION = '2.21.0';

/** The kernels of tfjs-node, tfjs-core and the wasm backend are of one version. */
export const TFJS_VERSION = '4.22.0';

export const RECIPE = 2;

/** The newest oneDNN with OpenMP by GCC on the package index; later wheels want Intel's runtime libraries too. */
export const ONEDNN_VERSION = '3.2.0';

/** As `RECIPE`, for oneDNN. */
export const ONEDNN_RECIPE = 1;

/** Oldest glibc that the libraries run on (TensorFlow is manylinux_2_27, oneDNN asks for a symbol of 2.27). */
export const GLIBC_MINIMUM = '2.27';

export interface Wheel {
  readonly requirement: string;
  readonly sha256: string;
}

export interface WheelSet {
  /** pip's platform tags, best first. */
  readonly platforms: readonly string[];
  /** The first wheel holds the library; the others hold shared libraries that it opens. */
  readonly wheels: readonly Wheel[];
}

const LINUX_X64_TAGS = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];

/**
 * The oldest CUDA 12 libraries that TensorFlow's wheel names in its extra `and-cuda`: those it was built with. Its
 * `nvidia-cuda-nvcc-cu12` is left out: it carries a compiler for XLA and no library that an eager op opens.
 */
const CUDA_WHEELS: readonly Wheel[] = [
  {
    requirement: 'nvidia-cublas-cu12==12.5.3.2',
    sha256: 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b',
  },
  {
    requirement: 'nvidia-cuda-cupti-cu12==12.5.82',
    sha256: 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953',
  },
  {
    requirement: 'nvidia-cuda-nvrtc-cu12==12.5.82',
    sha256: '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd',
  },
  {
    requirement: 'nvidia-cuda-runtime-cu12==12.5.82',
    sha256: '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115',
  },
  {
    requirement: 'nvidia-cudnn-cu12==9.3.0.75',
    sha256: '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d',
  },
  {
    requirement: 'nvidia-cufft-cu12==11.2.3.61',
    sha256: '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8',
  },
  {
    requirement: 'nvidia-curand-cu12==10.3.6.82',
    sha256: '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536',
  },
  {
    requirement: 'nvidia-cusolver-cu12==11.6.3.83',
    sha256: '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
  },
  {
    requirement: 'nvidia-cusparse-cu12==12.5.1.3',
    sha256: '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752',
  },
  {
    requirement: 'nvidia-nccl-cu12==2.27.7',
    sha256: 'de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa',
  },
  {
    requirement: 'nvidia-nvjitlink-cu12==12.5.82',
    sha256: 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212',
  },
];

const WHEEL_SETS: Readonly<Record<string, WheelSet>> = {
  'linux-x64-onednn-cpu': {
    platforms: ['manylinux1_x86_64'],
    wheels: [
      {
        requirement: 'onednn-cpu-gomp==2023.2.0',
        sha256: '2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb',
      },
    ],
  },
  'linux-x64-tensorflow-cpu': {
    platforms: LINUX_X64_TAGS,
    wheels: [
      {
        requirement: `tensorflow-cpu==${TENSORFLOW_VERSION}`,
        sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
      },
    ],
  },
  // No tensorflow-cpu wheel exists for arm64; the tensorflow wheel of that platform has no CUDA in it.
  'linux-arm64-tensorflow-cpu': {
    platforms: ['manylinux_2_27_aarch64'],
    wheels: [
      {
        requirement: `tensorflow==${TENSORFLOW_VERSION}`,
        sha256: 'b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552',
      },
    ],
  },
  'linux-x64-tensorflow-gpu': {
    platforms: LINUX_X64_TAGS,
    wheels: [
      {
        requirement: `tensorflow==${TENSORFLOW_VERSION}`,
        sha256: 'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
      },
      ...CUDA_WHEELS,
    ],
  },
};

/** The wheels of a build for a platform as Node names it, or undefined where no such build is known. */
export function wheelSet(
  { engine, gpu }: { readonly engine: string; readonly gpu: boolean },
  platform: string = process.platform,
  arch: string = process.arch,
): WheelSet | undefined {
  return WHEEL_SETS[`${platform}-${arch}-${engine}-${gpu ? 'gpu' : 'cpu'}`];
}
