/**
 * The peers and what each needs. Versions are pinned: figures of two days compare only if the peers are the same.
 * A peer that cannot be had is told with the reason, so that no table is shorter than it was asked to be.
 */
import { join } from 'node:path';
import { ensureVenv } from './venv.js';
import type { VenvPlan } from './venv.js';

export const PEER_NAMES = ['torch', 'keras', 'onednn', 'gloo', 'openmpi'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/**
 * PyTorch for Linux x64 comes from the registry with CUDA inside and does not load without these libraries; Triton,
 * the CUDA bindings for Python and cuSOLVER it does load without.
 */
const TORCH: VenvPlan = {
  name: 'torch-2.15.0',
  installs: [
    ['--no-deps', 'torch==2.15.0', 'typing-extensions==4.16.0', 'filelock==4.2.12', 'fsspec==2026.9.0'],
    ['sympy==1.14.0', 'networkx==3.6.1', 'jinja2==3.1.6', 'numpy==2.4.6'],
    [
      'cuda-toolkit[cublas,cudart,cufft,cufile,cupti,cusparse,nvjitlink,nvrtc]==13.2.2; platform_system == "Linux"',
      'nvidia-cudnn-cu13==9.26.0.51; platform_system == "Linux"',
      'nvidia-cusparselt-cu13==0.8.1; platform_system == "Linux"',
      'nvidia-nccl-cu13==2.30.7; platform_system == "Linux"',
      'nvidia-nvshmem-cu13==3.7.2; platform_system == "Linux"',
    ],
  ],
};

const KERAS: VenvPlan = { name: 'keras-3.15.1', installs: [['keras==3.15.1', 'tensorflow-cpu==2.21.0']] };

/** A Python that has the peer's packages. */
export async function pythonOf(peer: 'torch' | 'gloo' | 'keras', say: (line: string) => void): Promise<string> {
  const folder = await ensureVenv(peer === 'keras' ? KERAS : TORCH, say);
  return join(folder, 'bin/python');
}
