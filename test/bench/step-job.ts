/** One training step as a task for any contestant; peers read the same fields from the same JSON. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '@lockstep/data';
import { initialWeights } from '@lockstep/model';
import { bytesOf, weightLayout } from '@lockstep/reduce';

export interface StepJob {
  readonly vocabularySize: number;
  readonly embedding: number;
  readonly units: number;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly threads: number;
  /** Steps in one measurement; their mean counts. */
  readonly repeats: number;
  /** Characters a second are told instead of milliseconds a step. */
  readonly perSecond: boolean;
  /** Steps before the first measurement. */
  readonly warmUp: number;
  readonly learningRate: number;
  readonly epsilon: number;
  /** Raw float32 in layout order. */
  readonly weightsFile: string;
  /** Raw int32, rows x (sequenceLength + 1). */
  readonly idsFile: string;
}

/** 65 characters and [UNK]: the vocabulary of tiny Shakespeare. */
const VOCABULARY = 66;
const SEED = 5;

interface Sizes {
  /** Of the files. */
  readonly name: string;
  readonly preset: {
    readonly batchSize: number;
    readonly sequenceLength: number;
    readonly embedding: number;
    readonly units: number;
  };
  readonly repeats: number;
}

/** Puts weights and windows into files that every contestant reads. */
export function writeJob(place: { readonly scratch: string; readonly cores: number }, sizes: Sizes): StepJob {
  const { name, preset, repeats } = sizes;
  const { batchSize: rows, sequenceLength, embedding, units } = preset;
  const shape = { vocabularySize: VOCABULARY, embedding, units };
  const layout = weightLayout(shape);
  const [weightsFile, idsFile] = [join(place.scratch, `${name}.weights`), join(place.scratch, `${name}.ids`)];
  writeFileSync(weightsFile, bytesOf(initialWeights(layout, { seed: SEED, init: 'torch' })));
  const random = randomStream(SEED, 'benchmark', name);
  const ids = Int32Array.from({ length: rows * (sequenceLength + 1) }, () => random.below(VOCABULARY));
  writeFileSync(idsFile, new Uint8Array(ids.buffer));
  const training = { threads: place.cores, repeats, perSecond: false, warmUp: 3, learningRate: 1e-3, epsilon: 1e-7 };
  return { ...shape, rows, sequenceLength, ...training, weightsFile, idsFile };
}
