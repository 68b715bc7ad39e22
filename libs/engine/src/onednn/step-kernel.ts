/**
 * `LockstepCharacterStep` of `@lockstep/model`. The recurrent weights of a sampler are packed once, when they are first
 * seen, and forgotten with it.
 */

import type { DataId, KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN } from './backend.js';
import type { OneDnn } from './library.js';
import type { ArrayPool } from './pool.js';
import { RecurrentStep } from './recurrent-step.js';

export function stepKernel(dnn: OneDnn, pool: ArrayPool): KernelConfig {
  const packed = new WeakMap<DataId, RecurrentStep>();

  function recurrentStep(call: HostCall, units: number): RecurrentStep {
    const { dataId } = call.input('recurrent0');
    const step = packed.get(dataId) ?? new RecurrentStep(dnn, pool, call.values('recurrent0'), units);
    packed.set(dataId, step);
    return step;
  }

  return {
    kernelName: 'LockstepCharacterStep',
    backendName: ONEDNN,
    kernelFunc({ inputs, backend, attrs }) {
      const call = new HostCall(inputs, backend);
      const [newBias, denseBias] = [call.values('newBias'), call.values('denseBias')];
      const { length: units } = newBias;
      const next = call.array(units);
      const gates = [call.values('inputs0'), call.values('inputs1'), call.values('inputs2')] as const;
      const offset = Number(attrs?.['id']) * units;
      recurrentStep(call, units).run(call.values('state'), { gates, offset, newBias }, next);
      const logits = call.array(denseBias.length);
      const sizes = { rows: 1, inner: units, columns: denseBias.length };
      dnn.product(sizes, next, false, call.values('denseWeight'), true, logits);
      for (let id = 0; id < logits.length; id++) logits[id] += denseBias[id];
      return [call.make([1, units], next), call.make([1, logits.length], logits)];
    },
  };
}
