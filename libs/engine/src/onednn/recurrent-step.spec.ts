import { describe, expect, it } from 'vitest';

import { engineEnvironment } from '../environment.js';
import { findEngine } from '../find.js';
import { OneDnn } from './library.js';
import { ArrayPool } from './pool.js';
import { RecurrentStep } from './recurrent-step.js';

const CPU = { kind: 'cpu' } as const;
const found = await findEngine('onednn', { device: CPU }).catch((error: unknown) => String(error));
const library = typeof found === 'object' && found.name === 'onednn' ? found.library : undefined;
if (library === undefined) console.warn(`recurrent-step.spec is skipped: ${JSON.stringify(found)}`);

function numbers(length: number, period: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i * 37) % period) / period - 0.5);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The same in float64. */
function plainStep(weights: Float32Array, state: Float64Array, gates: Float32Array, newBias: Float32Array) {
  const { length: units } = newBias;
  const sum = (row: number): number => state.reduce((total, value, i) => total + value * weights[row * units + i], 0);
  return Float64Array.from({ length: units }, (_, unit) => {
    const reset = sigmoid(sum(unit) + gates[unit]);
    const update = sigmoid(sum(units + unit) + gates[units + unit]);
    const fresh = Math.tanh(gates[2 * units + unit] + reset * (sum(2 * units + unit) + newBias[unit]));
    return fresh + update * (state[unit] - fresh);
  });
}

/** States of one character after another, each with its row of three. */
function walk(step: RecurrentStep, tables: Float32Array, newBias: Float32Array, ids: readonly number[]) {
  const { length: units } = newBias;
  const gates = [0, 1, 2].map((gate) => tables.subarray(gate * 3 * units, (gate + 1) * 3 * units));
  const [reset, update, fresh] = gates;
  let state = new Float32Array(units);
  return ids.map((id) => {
    const next = new Float32Array(units);
    step.run(state, { gates: [reset, update, fresh], offset: id * units, newBias }, next);
    state = next;
    return next;
  });
}

describe.skipIf(library === undefined)('one step of a recurrent state after another', () => {
  Object.assign(process.env, engineEnvironment({ threads: 2, device: CPU }));
  const dnn = library === undefined ? undefined : new OneDnn(library);
  const make = (weights: Float32Array, units: number): RecurrentStep => {
    if (dnn === undefined) throw new Error('no onednn engine');
    return new RecurrentStep(dnn, new ArrayPool(dnn), weights, units);
  };
  const ids = [0, 2, 1, 1, 0];

  // One part, and several of which the last is shorter.
  it.each([1, 40, 512, 700])('moves %s units as float64 does', (units) => {
    const weights = numbers(3 * units * units, 97).map((value) => value / Math.sqrt(units));
    const [tables, newBias] = [numbers(9 * units, 41), numbers(units, 23)];
    const states = walk(make(weights, units), tables, newBias, ids);
    let right = new Float64Array(units);
    ids.forEach((id, index) => {
      const row = (gate: number): Float32Array => tables.subarray((gate * 3 + id) * units, (gate * 3 + id + 1) * units);
      const gates = Float32Array.from([...row(0), ...row(1), ...row(2)]);
      right = plainStep(weights, right, gates, newBias);
      const apart = right.map((value, unit) => Math.abs(value - states[index][unit]));
      expect(Math.max(...apart)).toBeLessThan(1e-5);
    });
  });

  it('gives the same bits whichever way it takes the weights', () => {
    const units = 512;
    const weights = numbers(3 * units * units, 97).map((value) => value / Math.sqrt(units));
    const [tables, newBias] = [numbers(9 * units, 41), numbers(units, 23)];
    const step = make(weights, units);
    const first = walk(step, tables, newBias, ids);
    // An odd number of steps lies behind it: now each step goes the other way.
    expect(walk(step, tables, newBias, ids)).toEqual(first);
  });
});
