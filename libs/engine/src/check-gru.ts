/**
 * The self-check of a fused GRU, where an engine brings one: its states and its gradients against a GRU in float64 of
 * a few lines. All gradients are checked by one number, the derivative of a sum of the states along one direction.
 */

import type { Tensor } from '@tensorflow/tfjs-core';

import type { Engine } from './engine.js';

const STEP_WIDTH = 1e-4;

interface Sizes {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: number;
  readonly units: number;
}

/** No multiple of a register's width, so that edges are met as well. */
const CHECKED: Sizes = { steps: 3, rows: 2, inputs: 5, units: 17 };

function shapesOf({ steps, rows, inputs, units }: Sizes) {
  return {
    x: [steps, rows, inputs],
    state: [rows, units],
    weightIh: [3 * units, inputs],
    weightHh: [3 * units, units],
    biasIh: [3 * units],
    biasHh: [3 * units],
  };
}

type Name = keyof ReturnType<typeof shapesOf>;
type Values = Record<Name, Float64Array>;

const NAMES: readonly Name[] = ['x', 'state', 'weightIh', 'weightHh', 'biasIh', 'biasHh'];

interface GruResults {
  readonly states: ArrayLike<number>;
  readonly derivative: number;
}

/** What the engine's own kernels give, and what is right; undefined where it has none. */
export function gruResults(
  engine: Engine,
  sizes: Sizes = CHECKED,
): { readonly got: GruResults; readonly right: GruResults } | undefined {
  const got: GruResults[] = [];
  const { tf, name } = engine;
  if (tf.getKernel('LockstepGru', name) === undefined) return undefined;
  const values = valuesOf(sizes, (index) => ((index * 37) % 41) / 41 - 0.5);
  const direction = valuesOf(sizes, (index) => ((index * 29) % 31) / 31 - 0.5);
  const along = (width: number): number => {
    const moved = valuesOf(sizes, () => 0);
    for (const key of NAMES) moved[key] = values[key].map((value, i) => value + width * (direction[key][i] ?? 0));
    return statesOf(sizes, moved).reduce((sum, state, i) => sum + state * weightOf(i), 0);
  };
  const right = {
    states: statesOf(sizes, values),
    derivative: (along(STEP_WIDTH) - along(-STEP_WIDTH)) / (2 * STEP_WIDTH),
  };
  tf.tidy(() => {
    got.push(kernelResults(engine, sizes, values, direction));
  });
  const [first] = got;
  return first === undefined ? undefined : { got: first, right };
}

function kernelResults({ tf }: Engine, sizes: Sizes, values: Values, direction: Values): GruResults {
  const shapes = shapesOf(sizes);
  const { steps, rows, units } = sizes;
  const tensors = Object.fromEntries(
    NAMES.map((key): [string, Tensor] => [key, tf.tensor(Float32Array.from(values[key]), shapes[key], 'float32')]),
  );
  const outputs: Tensor[] = tf.engine().runKernel('LockstepGru', tensors, { keepReserve: true });
  const [hidden, ...reserve] = outputs;
  const weights = Float32Array.from({ length: steps * rows * units }, (_, i) => weightOf(i));
  const dhidden = tf.tensor(weights, [steps, rows, units], 'float32');
  const kept = Object.fromEntries(reserve.map((tensor, index) => [`reserve${index}`, tensor]));
  const { state: _, biasIh: _ih, biasHh: _hh, ...inputs } = tensors;
  const gradients: Tensor[] = tf
    .engine()
    .runKernel('LockstepGruBackprop', { ...inputs, dhidden, ...kept }, { needsInputGradient: true });
  const order = ['state', 'weightIh', 'weightHh', 'biasIh', 'biasHh', 'x'] as const;
  let derivative = 0;
  order.forEach((key, index) => {
    gradients[index]?.dataSync<'float32'>().forEach((value, i) => (derivative += value * (direction[key][i] ?? NaN)));
  });
  return { states: hidden?.dataSync<'float32'>() ?? [], derivative };
}

function weightOf(index: number): number {
  return ((index * 13) % 23) / 23 - 0.5;
}

/** One stream of numbers over all tensors, so that no two are alike. */
function valuesOf(sizes: Sizes, valueAt: (index: number) => number): Values {
  const shapes = shapesOf(sizes);
  let index = 0;
  const fill = (shape: readonly number[]): Float64Array => {
    const length = shape.reduce((product, size) => product * size, 1);
    // Rounded as the engine's are, or the comparison would be of other numbers.
    return Float64Array.from({ length }, () => Math.fround(valueAt(index++)));
  };
  return {
    ...{ x: fill(shapes.x), state: fill(shapes.state), weightIh: fill(shapes.weightIh) },
    ...{ weightHh: fill(shapes.weightHh), biasIh: fill(shapes.biasIh), biasHh: fill(shapes.biasHh) },
  };
}

/** The states after each step, [T,B,H]; reset applied after the recurrent product. */
function statesOf(sizes: Sizes, { x, state, weightIh, weightHh, biasIh, biasHh }: Values): Float64Array {
  const { steps, rows, inputs, units } = sizes;
  const states = new Float64Array(steps * rows * units);
  const dot = (a: Float64Array, from: number, b: Float64Array, by: number, length: number): number => {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += (a[from + k] ?? NaN) * (b[by + k] ?? NaN);
    return sum;
  };
  const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
  let [before, offset] = [state, 0];
  for (let t = 0; t < steps; t++) {
    for (let row = 0; row < rows; row++) {
      const inputAt = (unit: number): number =>
        (biasIh[unit] ?? NaN) + dot(weightIh, unit * inputs, x, (t * rows + row) * inputs, inputs);
      const recurrentAt = (unit: number): number =>
        (biasHh[unit] ?? NaN) + dot(weightHh, unit * units, before, offset + row * units, units);
      for (let unit = 0; unit < units; unit++) {
        const reset = sigmoid(inputAt(unit) + recurrentAt(unit));
        const update = sigmoid(inputAt(units + unit) + recurrentAt(units + unit));
        const fresh = Math.tanh(inputAt(2 * units + unit) + reset * recurrentAt(2 * units + unit));
        const old = before[offset + row * units + unit] ?? NaN;
        states[(t * rows + row) * units + unit] = fresh + update * (old - fresh);
      }
    }
    [before, offset] = [states, t * rows * units];
  }
  return states;
}
