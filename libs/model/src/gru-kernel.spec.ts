/** The GRU as a tfjs kernel: what tf.grads makes of it, and how a fused kernel takes its place. */
import { randomStream } from '@lockstep/data';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { GRU_BACKPROP_KERNEL, GRU_KERNEL, registerGru, runGru, runGruBackprop } from './gru-kernel.js';
import type { GruInputs } from './gru-kernel.js';

beforeAll(async () => {
  await tf.setBackend('wasm');
});

const [steps, rows, width, units] = [4, 2, 3, 5];

function inputs(): GruInputs {
  const random = randomStream(3);
  const draw = (...shape: number[]): tf.Tensor => {
    const length = shape.reduce((product, size) => product * size, 1);
    return tf.tensor(Float32Array.from({ length }, () => random.normal() / 2), shape);
  };
  return {
    x: draw(steps, rows, width),
    state: draw(rows, units),
    weightIh: draw(3 * units, width),
    weightHh: draw(3 * units, units),
    biasIh: draw(3 * units),
    biasHh: draw(3 * units),
  };
}

describe('LockstepGru', () => {
  it('computes the GRU of PyTorch, one number at a time', () => {
    registerGru(tf, 'wasm');
    const given = inputs();
    const [hidden] = runGru(tf, given, false);
    const expected = scalarGru(given);
    hidden.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
  });

  it('gives tf.grads the gradients that the backward kernel gives', () => {
    registerGru(tf, 'wasm');
    const given = inputs();
    const values = Float32Array.from({ length: steps * rows * units }, (_, i) => Math.sin(i));
    const dhidden = tf.tensor(values, [steps, rows, units]);
    const direct = tf.tidy(() => {
      const [, ...reserve] = runGru(tf, given, true);
      const { dx, dstate, dweightIh, dweightHh, dbiasIh, dbiasHh } = runGruBackprop(tf, given, reserve, dhidden, true);
      return [dx, dstate, dweightIh, dweightHh, dbiasIh, dbiasHh];
    });
    const names = ['x', 'state', 'weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;
    const before = tf.memory().numTensors;
    const taped = tf.grads((...tensors: tf.Tensor[]) => {
      const named: tf.NamedTensorMap = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
      const [hidden]: tf.Tensor[] = tf.engine().runKernel(GRU_KERNEL, named, { keepReserve: false });
      return hidden;
    })(names.map((name) => given[name]), dhidden);
    expect(tf.memory().numTensors - before).toBe(names.length);
    names.forEach((name, i) => {
      expect(taped[i].shape, name).toEqual(given[name].shape);
      expect(taped[i].dataSync(), name).toEqual(direct[i]?.dataSync());
    });
  });

  it('leaves a pair in place that is registered already', () => {
    const fused = [GRU_KERNEL, GRU_BACKPROP_KERNEL].map((kernelName) => ({
      kernelName,
      backendName: 'cpu',
      kernelFunc: () => [],
    }));
    fused.forEach((kernel) => tf.registerKernel(kernel));
    registerGru(tf, 'cpu');
    for (const kernel of fused) {
      expect(tf.getKernel(kernel.kernelName, 'cpu')).toBe(kernel);
      tf.unregisterKernel(kernel.kernelName, 'cpu');
    }
  });
});

/** The GRU after the documentation of torch.nn.GRU, in float64, a loop for every index; hidden [T,B,H] flat. */
function scalarGru(given: GruInputs): number[] {
  const x = given.x.dataSync();
  const inputGates = { weight: given.weightIh.dataSync(), bias: given.biasIh.dataSync() };
  const stateGates = { weight: given.weightHh.dataSync(), bias: given.biasHh.dataSync() };
  const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
  const sums = ({ weight, bias }: typeof inputGates, unit: number, values: ArrayLike<number>): number[] =>
    [0, 1, 2].map((gate) => {
      const row = gate * units + unit;
      return Array.from(values).reduce((sum, value, i) => sum + weight[row * values.length + i] * value, bias[row]);
    });
  const hidden: number[] = [];
  const states = Array.from({ length: rows }, (_, b) => [...given.state.dataSync().slice(b * units, (b + 1) * units)]);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < rows; b++) {
      const input = x.slice((t * rows + b) * width, (t * rows + b + 1) * width);
      const before = states[b];
      states[b] = before.map((h, unit) => {
        const [ir, iz, inn] = sums(inputGates, unit, input);
        const [hr, hz, hn] = sums(stateGates, unit, before);
        const z = sigmoid(iz + hz);
        return (1 - z) * Math.tanh(inn + sigmoid(ir + hr) * hn) + z * h;
      });
      hidden.push(...states[b]);
    }
  }
  return hidden;
}
