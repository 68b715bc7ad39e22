/**
 * The pair `LockstepGru` and `LockstepGruBackprop` of `@lockstep/model`, run by one plan for each set of sizes. The
 * reserve is oneDNN's workspace, hundreds of megabytes that would cost more to allocate than to fill: it goes back
 * to its plan once the backward pass has read it.
 */

import type { KernelConfig } from '@tensorflow/tfjs-core';

import { GruPlan, aligned } from './gru-plan.js';
import { HostCall, ONEDNN, floats, sizeOf } from './host.js';
import type { OneDnn } from './library.js';

/** Workspaces that wait for their next use, of one plan: more than one only where two passes overlap. */
const SPARE_MAX = 2;

export function gruKernels(dnn: OneDnn): readonly KernelConfig[] {
  const plans = new Map<string, Planned>();
  const planFor = (call: HostCall): Planned => {
    const [steps = 0, rows = 0, inputs = 0] = call.shape('x');
    const [, units = 0] = call.shape('weightHh');
    const key = [steps, rows, inputs, units].join();
    const planned = plans.get(key) ?? new Planned(new GruPlan(dnn, { steps, rows, inputs, units }));
    plans.set(key, planned);
    return planned;
  };
  return [
    {
      kernelName: 'LockstepGru',
      backendName: ONEDNN,
      kernelFunc: ({ inputs, backend, attrs }) => {
        const call = new HostCall(inputs, backend);
        return forward(call, planFor(call), attrs?.['keepReserve'] === true);
      },
    },
    {
      kernelName: 'LockstepGruBackprop',
      backendName: ONEDNN,
      kernelFunc: ({ inputs, backend, attrs }) => {
        const call = new HostCall(inputs, backend);
        return backward(call, planFor(call), attrs?.['needsInputGradient'] === true);
      },
    },
  ];
}

class Planned {
  readonly plan: GruPlan;
  readonly #spare: Float32Array[] = [];

  constructor(plan: GruPlan) {
    this.plan = plan;
  }

  take(): Float32Array {
    return this.#spare.pop() ?? aligned(this.plan.workspaceLength);
  }

  giveBack(workspace: Float32Array): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(workspace);
  }
}

function forward(call: HostCall, planned: Planned, keepsReserve: boolean) {
  const [steps = 0, rows = 0] = call.shape('x');
  const [, units = 0] = call.shape('weightHh');
  const hidden = floats(sizeOf([steps, rows, units]));
  const workspace = planned.take();
  const weights = {
    ...{ weightIh: call.values('weightIh'), weightHh: call.values('weightHh') },
    ...{ biasIh: call.values('biasIh'), biasHh: call.values('biasHh') },
  };
  planned.plan.forward(weights, call.values('x'), call.values('state'), hidden, workspace);
  const made = call.make([steps, rows, units], hidden);
  if (keepsReserve) {
    const before = call.make([rows, units], call.values('state'));
    const after = call.make([steps, rows, units], hidden);
    return [made, call.make([workspace.length], workspace), before, after];
  }
  planned.giveBack(workspace);
  return [made];
}

function backward(call: HostCall, planned: Planned, needsInputGradient: boolean) {
  const [, rows = 0] = call.shape('x');
  const [, units = 0] = call.shape('weightHh');
  const [workspace, state, hidden] = [call.values('reserve0'), call.values('reserve1'), call.values('reserve2')];
  const weights = { weightIh: call.values('weightIh'), weightHh: call.values('weightHh') };
  const d = planned.plan.backward(weights, call.values('x'), state, hidden, workspace, call.values('dhidden'));
  planned.giveBack(workspace);
  return [
    call.make([rows, units], d.dstate),
    call.make(call.shape('weightIh'), d.dweightIh),
    call.make(call.shape('weightHh'), d.dweightHh),
    call.make([3 * units], d.dbiasIh),
    call.make([3 * units], d.dbiasHh),
    ...(needsInputGradient ? [call.make(call.shape('x'), d.dx)] : []),
  ];
}
