/**
 * What one step would take if an engine did nothing but its arithmetic, at the best rate that its matMul reaches here.
 * Arguments: engine, job as JSON.
 */
import { findEngine, loadEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import type { StepJob } from '../step-job.js';
import { serve } from './serve.js';

/** Rows, columns and inner size: a time step of the tutorial's model, and blocks that suit a processor's caches. */
const SHAPES = [
  [64, 3072, 1024],
  [512, 512, 512],
  [1024, 1024, 1024],
] as const;

const [, , choice = '', text = '{}'] = process.argv;
const job = JSON.parse(text) as StepJob;
const device = { kind: 'cpu' } as const;
const engine = await loadEngine(await findEngine(choice as EngineChoice, { device }), { device });
const { tf } = engine;

/** The best of so many, after so many that let the code be compiled for good. */
const REPEATS = 5;
const WARM_UP = 3;

/** Forward, and twice as much backward: gates from input and state, and logits; two operations a product. */
const { rows, sequenceLength, embedding, units, vocabularySize } = job;
const stepOperations = 3 * 2 * rows * sequenceLength * (3 * units * (embedding + units) + units * vocabularySize);

const operands = SHAPES.map(([m, n, k]) => ({
  operations: 2 * m * n * k,
  a: tf.randomUniform([m, k], -1, 1),
  b: tf.randomUniform([k, n], -1, 1),
}));

/** @returns milliseconds of a step's operations at the rate of the fastest shape */
function measure(): number {
  const rates = operands.map(({ operations, a, b }) => {
    const times = Array.from({ length: REPEATS }, () => {
      const startMs = performance.now();
      tf.tidy(() => tf.matMul(a, b).dataSync());
      return performance.now() - startMs;
    });
    return operations / Math.min(...times);
  });
  return stepOperations / Math.max(...rates);
}

for (let count = 0; count < WARM_UP; count += 1) measure();
serve({ version: `${engine.name} ${engine.version}`, losses: [], facts: { stepOperations } }, measure);
