/**
 * A few milliseconds of arithmetic with known results: an engine that loads and then computes nonsense (a wrong
 * library, a broken build) is found before a run starts, not in its loss curve.
 */

import { LockstepError } from '@lockstep/config';

import { gruResults } from './check-gru.js';
import type { Engine } from './engine.js';

/**
 * Largest error allowed, relative to results of about 1: float32 rounding over 96 terms stays far below, a wrong op
 * far above.
 */
const TOLERANCE = 1e-5;

const [ROWS, INNER, COLUMNS] = [64, 96, 80] as const;

/**
 * Computes a matrix product, sigmoid, tanh and, where the engine has one of its own, a GRU, and compares them with
 * JavaScript's own arithmetic.
 * @throws LockstepError `unavailable` that names the operation with wrong results or lost handles
 */
export function checkEngine(engine: Engine): void {
  const { tf } = engine;
  const before = engine.handleCount();
  const a = pattern(ROWS * INNER, 7);
  const b = pattern(INNER * COLUMNS, 11);
  const points = [-8, -1, -0.25, 0, 0.25, 1, 8];
  const results = tf.tidy(() => ({
    matMul: tf.matMul(tf.tensor2d(a, [ROWS, INNER]), tf.tensor2d(b, [INNER, COLUMNS])).dataSync<'float32'>(),
    sigmoid: tf.sigmoid(tf.tensor1d(points)).dataSync<'float32'>(),
    tanh: tf.tanh(tf.tensor1d(points)).dataSync<'float32'>(),
  }));
  compare(engine, 'matMul', results.matMul, product(a, b));
  compare(engine, 'sigmoid', results.sigmoid, points.map((x) => 1 / (1 + Math.exp(-x))));
  compare(engine, 'tanh', results.tanh, points.map(Math.tanh));
  const gru = gruResults(engine);
  if (gru !== undefined) {
    compare(engine, 'the fused GRU', gru.got.states, Array.from(gru.right.states));
    compare(engine, "the fused GRU's gradient", [gru.got.derivative], [gru.right.derivative]);
  }
  const leaked = engine.handleCount() - before;
  if (leaked !== 0) throw broken(engine, `${leaked} tensors were not freed`);
}

/** Values in [-0.25, 0.25] that repeat with an odd period, so that no two rows or columns of the product are equal. */
function pattern(count: number, period: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => ((index % period) - (period >> 1)) / (period >> 1) / 4);
}

function product(a: Float32Array, b: Float32Array): number[] {
  const sums: number[] = [];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      let sum = 0;
      for (let k = 0; k < INNER; k += 1) sum += (a[row * INNER + k] ?? 0) * (b[k * COLUMNS + column] ?? 0);
      sums.push(sum);
    }
  }
  return sums;
}

function compare(engine: Engine, operation: string, got: ArrayLike<number>, expected: readonly number[]): void {
  if (got.length !== expected.length) throw broken(engine, `${operation} gives ${got.length} values`);
  expected.forEach((value, index) => {
    const error = Math.abs((got[index] ?? NaN) - value);
    // Written so that NaN fails.
    if (!(error <= TOLERANCE)) throw broken(engine, `${operation} gives ${got[index]} instead of ${value}`);
  });
}

function broken(engine: Engine, what: string): LockstepError {
  return new LockstepError(
    'unavailable',
    `the ${engine.name} engine (${engine.version}) computes wrongly: ${what}`,
    'run `lockstep doctor`, install the engine again, or choose another one',
  );
}
