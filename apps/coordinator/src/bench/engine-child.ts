/**
 * Times the steps of one engine in a process of its own: tfjs has one current backend, and libraries read their
 * thread counts once. Prints one JSON line.
 */
import { invariant } from '@lockstep/config';
import { randomStream } from '@lockstep/data';
import { findEngine, loadEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import { createModel, initialWeights } from '@lockstep/model';
import { createOptimizer } from '@lockstep/optimizer';
import { finishGradient, weightLayout } from '@lockstep/reduce';
import { ANSWER } from './answer.js';

export interface EngineJob {
  readonly engine: EngineChoice;
  readonly vocabularySize: number;
  readonly embedding: number;
  readonly units: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly rounds: number;
}

const SEED = 1;
const WARM_UP = 2;

const job = JSON.parse(process.argv[2] ?? '{}') as EngineJob;
const device = { kind: 'cpu' } as const;
const engine = await loadEngine(await findEngine(job.engine, { device }), { device });
const layout = weightLayout(job);
const model = createModel(engine, layout);
const optimizer = createOptimizer({ name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }, layout.length);
const weights = initialWeights(layout, { seed: SEED, init: 'torch' });
const random = randomStream(SEED, 'bench');
const ids = Int32Array.from({ length: job.batchSize * (job.sequenceLength + 1) }, () =>
  random.below(job.vocabularySize),
);

/** @returns milliseconds of one whole step */
function step(): number {
  const startMs = performance.now();
  const { characters, gradient } = model.gradients(weights, ids, job.batchSize, job.sequenceLength);
  const { finite } = finishGradient(gradient, characters, undefined);
  invariant(finite, 'the gradient of the first steps is finite');
  optimizer.apply(weights, gradient, 1e-3);
  return performance.now() - startMs;
}

for (let count = 0; count < WARM_UP; count += 1) step();
const stepsMs = Array.from({ length: job.rounds }, step);
process.stdout.write(`${ANSWER}${JSON.stringify({ version: `${engine.name} ${engine.version}`, stepsMs })}\n`);
