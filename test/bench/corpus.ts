/**
 * A text of random characters of a given alphabet, for suites that time and do not learn: the first batch of a run on
 * it and the first weights are worked out here as `lockstep train` does, for peers to start from the same.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildVocabulary, countWindows, createSchedule, cutRows, randomStream } from '@lockstep/data';
import { initialWeights } from '@lockstep/model';
import { bytesOf, weightLayout } from '@lockstep/reduce';

/** 65 characters, and [UNK]: the vocabulary of tiny Shakespeare. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!';
const SEED = 1;

export interface Corpus {
  readonly textFile: string;
  readonly weightsFile: string;
  readonly idsFile: string;
}

interface Sizes {
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly embedding: number;
  readonly units: number;
}

/** @param batches length of an epoch */
export function writeCorpus(scratch: string, sizes: Sizes, batches: number): Corpus {
  const { batchSize, sequenceLength, embedding, units } = sizes;
  const random = randomStream(SEED, 'corpus');
  const length = batches * batchSize * (sequenceLength + 1);
  const text = Array.from({ length }, () => ALPHABET[random.below(ALPHABET.length)]).join('');
  const ids = buildVocabulary(text).encode(text);
  const windowCount = countWindows(ids.length, sequenceLength);
  const windows = createSchedule({ windowCount, batchSize, order: 'shuffled', seed: SEED }).windows(0);
  const batch = cutRows(ids, windows, 0, batchSize, sequenceLength);
  const layout = weightLayout({ vocabularySize: ALPHABET.length + 1, embedding, units });
  const files = {
    textFile: join(scratch, 'corpus.txt'),
    weightsFile: join(scratch, 'corpus.weights'),
    idsFile: join(scratch, 'corpus.ids'),
  };
  writeFileSync(files.textFile, text);
  writeFileSync(files.weightsFile, bytesOf(initialWeights(layout, { seed: SEED, init: 'torch' })));
  writeFileSync(files.idsFile, new Uint8Array(batch.buffer));
  return files;
}
