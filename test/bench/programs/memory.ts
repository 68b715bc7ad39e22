/**
 * Whether memory stays flat: one engine makes many steps of a small model in one process. Each answer is the resident
 * memory, in MB, after the next share of the steps; the tensors that the engine holds are told apart. Arguments:
 * engine, job as JSON; `repeats` steps lie between two answers.
 */
import { readFileSync } from 'node:fs';
import { findEngine, loadEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import { createModel } from '@lockstep/model';
import { createOptimizer } from '@lockstep/optimizer';
import { finishGradient, weightLayout } from '@lockstep/reduce';
import type { StepJob } from '../step-job.js';
import { serve } from './serve.js';

const [, , choice = '', text = '{}'] = process.argv;
const job = JSON.parse(text) as StepJob;
const device = { kind: 'cpu' } as const;
const engine = await loadEngine(await findEngine(choice as EngineChoice, { device }), { device });
const layout = weightLayout(job);
const model = createModel(engine, layout);
const optimizer = createOptimizer({ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: job.epsilon }, layout.length);
const weights = new Float32Array(readFileSync(job.weightsFile).buffer);
const ids = new Int32Array(readFileSync(job.idsFile).buffer);

function step(): void {
  const { characters, gradient } = model.gradients(weights, ids, job.rows, job.sequenceLength);
  finishGradient(gradient, characters, undefined);
  optimizer.apply(weights, gradient, job.learningRate);
}

for (let count = 0; count < job.warmUp; count += 1) step();
const handles = engine.handleCount();
serve({ version: `${engine.name} ${engine.version}`, losses: [], facts: { handles } }, () => {
  for (let count = 0; count < job.repeats; count += 1) step();
  const now = engine.handleCount();
  if (now !== handles) throw new Error(`${now} tensor handles after ${handles}`);
  return process.memoryUsage.rss() / 1e6;
});
