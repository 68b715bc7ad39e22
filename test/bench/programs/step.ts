/**
 * One training step of lockstep on one engine, all in one process: the model's gradient sum, divided, checked for
 * finite values, and applied by Adam. Arguments: engine, job as JSON.
 */
import { readFileSync } from 'node:fs';
import { findEngine, loadEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import { createModel } from '@lockstep/model';
import { createOptimizer } from '@lockstep/optimizer';
import { finishGradient, weightLayout } from '@lockstep/reduce';
import type { StepJob } from '../step-job.js';
import { milliseconds, serve } from './serve.js';

const [, , choice = '', text = '{}'] = process.argv;
const job = JSON.parse(text) as StepJob;
const device = { kind: 'cpu' } as const;
const engine = await loadEngine(await findEngine(choice as EngineChoice, { device }), { device });
const layout = weightLayout(job);
const model = createModel(engine, layout);
const { rows, sequenceLength, learningRate, epsilon } = job;
const optimizer = createOptimizer({ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon }, layout.length);
// Where a worker keeps them.
const weights = optimizer.adopt(new Float32Array(readFileSync(job.weightsFile).buffer));
const ids = new Int32Array(readFileSync(job.idsFile).buffer);

/** Of the first batch. */
let gradientNorm: number | undefined;

/** @returns the mean loss before the update, nats a character */
function step(): number {
  const { lossSum, characters, gradient } = model.gradients(weights, ids, rows, sequenceLength);
  const { finite, norm } = finishGradient(gradient, characters, undefined);
  if (!finite) throw new Error('the gradient is not finite');
  gradientNorm ??= norm;
  optimizer.apply(weights, gradient, learningRate);
  return lossSum / characters;
}

const losses = Array.from({ length: job.warmUp }, step);
const facts = { class: engine.computeClass, gradientNorm: gradientNorm ?? 0 };
const measure = (): number => {
  const perStepMs = milliseconds(() => step(), job.repeats);
  return job.perSecond ? (rows * sequenceLength * 1000) / perStepMs : perStepMs;
};
serve({ version: `${engine.name} ${engine.version}`, losses, facts }, measure);
