/**
 * What a step costs beside the engine, the sum and the update: cutting the batch, a digest wherever one is taken (of
 * the gradient where it is sent and where it comes in, of the mean likewise, of the weights), and the journal line with
 * its flush to the disk. Argument: a folder on the disk that runs are written to.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openJournal } from '@lockstep/checkpoint';
import { PRESETS } from '@lockstep/config';
import { createSchedule, cutRows, randomStream } from '@lockstep/data';
import { bytesOf, digestOf } from '@lockstep/reduce';
import { serve } from './serve.js';

const LENGTH = 4_022_850;
const DIGESTS = 5;
const WINDOWS = 11_000;
const REPEATS = 5;
const PAUSE_MS = 250;

const { batchSize, sequenceLength } = PRESETS.tutorial;
const random = randomStream(1, 'overhead');
const ids = Int32Array.from({ length: WINDOWS * (sequenceLength + 1) }, () => random.below(66));
const schedule = createSchedule({ windowCount: WINDOWS, batchSize, order: 'shuffled', seed: 1 });
const journal = await openJournal(join(process.argv[2] ?? '.', 'overhead.ndjson'));
const vector = Float32Array.from({ length: LENGTH }, (_, index) => index % 97);
let step = 0;

async function overhead(): Promise<void> {
  cutRows(ids, schedule.windows(step), 0, batchSize, sequenceLength);
  step += 1;
  let last = '';
  for (let count = 0; count < DIGESTS; count += 1) last = digestOf(bytesOf(vector));
  await journal.append({
    kind: 'step',
    term: 1,
    step,
    epoch: schedule.epochOf(step - 1),
    shardDigests: [last],
    weightsDigest: last,
    loss: 1,
    characters: batchSize * sequenceLength,
    seconds: 1,
    gradientNorm: 1,
  });
}

async function measure(): Promise<number> {
  let totalMs = 0;
  for (let count = 0; count < REPEATS; count += 1) {
    // A step of the tutorial's model lasts longer than lines are gathered for one flush.
    await delay(PAUSE_MS);
    const startMs = performance.now();
    await overhead();
    totalMs += performance.now() - startMs;
  }
  return totalMs / REPEATS;
}

await measure();
serve({ version: `Node ${process.version}`, losses: [], facts: { digests: DIGESTS } }, measure);
