import { describe, expect, it } from 'vitest';

import { engineEnvironment } from './environment.js';

describe('engineEnvironment', () => {
  it('gives a CPU process its threads and hides the GPUs', () => {
    expect(engineEnvironment({ threads: 3, device: { kind: 'cpu' } }, {})).toEqual({
      TF_NUM_INTRAOP_THREADS: '3',
      TF_NUM_INTEROP_THREADS: '1',
      OMP_NUM_THREADS: '3',
      OMP_WAIT_POLICY: 'passive',
      GOMP_SPINCOUNT: '3000',
      TF_CPP_MIN_LOG_LEVEL: '2',
      CUDA_VISIBLE_DEVICES: '-1',
    });
  });

  it('shows a GPU process exactly one GPU, as nvidia-smi counts them', () => {
    const variables = engineEnvironment({ threads: 1, device: { kind: 'gpu', index: 5 } }, {});
    expect(variables).toMatchObject({
      CUDA_VISIBLE_DEVICES: '5',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      CUBLAS_WORKSPACE_CONFIG: ':4096:8',
    });
  });

  it("keeps the user's log level and spin count", () => {
    const own = { TF_CPP_MIN_LOG_LEVEL: '0', GOMP_SPINCOUNT: '10000' };
    expect(engineEnvironment({ threads: 1, device: { kind: 'cpu' } }, own)).toMatchObject(own);
  });

  it.each([0, -1, 1.5, NaN])('refuses %s threads', (threads) => {
    expect(() => engineEnvironment({ threads, device: { kind: 'cpu' } })).toThrow('engine threads');
  });

  it.each([-1, 0.5])('refuses GPU %s', (index) => {
    expect(() => engineEnvironment({ threads: 1, device: { kind: 'gpu', index } })).toThrow('GPU index');
  });
});
