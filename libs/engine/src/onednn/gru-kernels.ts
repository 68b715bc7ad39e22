/**
 * The pair `LockstepGru` and `LockstepGruBackprop` of `@lockstep/model`, run by one plan for each set of sizes. The
 * reserve is oneDNN's workspace, the state before and the states after each step.
 */

import type { KernelConfig } from '@tensorflow/tfjs-core';

import { HostCall, ONEDNN, sizeOf } from './backend.js';
import { GruPlans } from './gru-plans.js';
import type { OneDnn } from './library.js';
import type { ArrayPool } from './pool.js';

export function gruKernels(dnn: OneDnn, pool: ArrayPool): readonly KernelConfig[] {
  const plans = new GruPlans(dnn, pool);
  return [
    {
      kernelName: 'LockstepGru',
      backendName: ONEDNN,
      kernelFunc: ({ inputs, backend, attrs }) =>
        forward(new HostCall(inputs, backend), plans, attrs?.['keepReserve'] === true),
    },
    {
      kernelName: 'LockstepGruBackprop',
      backendName: ONEDNN,
      kernelFunc: ({ inputs, backend, attrs }) =>
        backward(new HostCall(inputs, backend), plans, attrs?.['needsInputGradient'] === true),
    },
  ];
}

function sizesOf(call: HostCall) {
  const [steps = 0, rows = 0, inputs = 0] = call.shape('x');
  const [, units = 0] = call.shape('weightHh');
  return { steps, rows, inputs, units };
}

function forward(call: HostCall, plans: GruPlans, keepsReserve: boolean) {
  const sizes = sizesOf(call);
  const { steps, rows, units } = sizes;
  const plan = plans.planFor(sizes);
  const [hidden, workspace] = [call.array(sizeOf([steps, rows, units])), call.array(plan.workspaceLength)];
  const [state, x] = [call.values('state'), call.values('x')];
  const weights = {
    ...{ weightIh: call.values('weightIh'), weightHh: call.values('weightHh') },
    ...{ biasIh: call.values('biasIh'), biasHh: call.values('biasHh') },
  };
  plan.forward(weights, { x, state, hidden, workspace });
  const result = call.make([steps, rows, units], hidden);
  const kept = call.make([workspace.length], workspace);
  if (!keepsReserve) {
    call.drop(kept);
    return [result];
  }
  return [result, kept, call.again(call.input('state')), call.again(result)];
}

function backward(call: HostCall, plans: GruPlans, needsInputGradient: boolean) {
  const sizes = sizesOf(call);
  const { rows, units } = sizes;
  const shapes = {
    dx: call.shape('x'),
    dstate: [rows, units],
    dweightIh: call.shape('weightIh'),
    dweightHh: call.shape('weightHh'),
    dbiasIh: [3 * units],
    dbiasHh: [3 * units],
  };
  const array = (shape: readonly number[]): Float32Array => call.array(sizeOf(shape));
  const d = {
    ...{ dx: array(shapes.dx), dstate: array(shapes.dstate) },
    ...{ dweightIh: array(shapes.dweightIh), dweightHh: array(shapes.dweightHh) },
    ...{ dbiasIh: array(shapes.dbiasIh), dbiasHh: array(shapes.dbiasHh) },
  };
  const weights = { weightIh: call.values('weightIh'), weightHh: call.values('weightHh') };
  const [workspace, state, hidden] = [call.values('reserve0'), call.values('reserve1'), call.values('reserve2')];
  const dhidden = call.values('dhidden');
  plans.planFor(sizes).backward(weights, { x: call.values('x'), state, hidden, workspace, dhidden }, d);
  const made = {
    dstate: call.make(shapes.dstate, d.dstate),
    dweightIh: call.make(shapes.dweightIh, d.dweightIh),
    dweightHh: call.make(shapes.dweightHh, d.dweightHh),
    dbiasIh: call.make(shapes.dbiasIh, d.dbiasIh),
    dbiasHh: call.make(shapes.dbiasHh, d.dbiasHh),
    dx: call.make(shapes.dx, d.dx),
  };
  const { dx, ...always } = made;
  if (needsInputGradient) return [...Object.values(always), dx];
  call.drop(dx);
  return Object.values(always);
}
