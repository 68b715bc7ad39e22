/**
 * Sampling with the tutorial's model, one character at a time, characters a second. Arguments: engine, job as JSON
 * (shape and files).
 */
import { readFileSync } from 'node:fs';
import { randomStream } from '@lockstep/data';
import { findEngine, loadEngine } from '@lockstep/engine';
import type { EngineChoice } from '@lockstep/engine';
import { createModel, pickCharacter } from '@lockstep/model';
import { weightLayout } from '@lockstep/reduce';
import type { StepJob } from '../step-job.js';
import { serve } from './serve.js';

const WARM_UP = 50;

const [, , choice = '', text = '{}'] = process.argv;
const job = JSON.parse(text) as StepJob;
const device = { kind: 'cpu' } as const;
const engine = await loadEngine(await findEngine(choice as EngineChoice, { device }), { device });
const layout = weightLayout(job);
const sampler = createModel(engine, layout).sampler(new Float32Array(readFileSync(job.weightsFile).buffer));
const random = randomStream(1, 'sample');
let logits = sampler.prime([1]);

/** @returns characters a second */
function sample(characters: number): number {
  const startMs = performance.now();
  for (let count = 0; count < characters; count += 1) logits = sampler.next(pickCharacter(logits, 1, random));
  return (characters * 1000) / (performance.now() - startMs);
}

sample(WARM_UP);
serve({ version: `${engine.name} ${engine.version}`, losses: [], facts: {} }, () => sample(job.repeats));
