/** What a screenplay of a coordinator is given: how its run is set up. */
import { planShards } from '@lockstep/data';
import type { CoordinatorSettings, Resumption, StepRecord } from '@lockstep/protocol';
import { numberOf } from './screenplay.js';

export const BATCH_SIZE = 8;
export const SEQUENCE_LENGTH = 5;
export const RUN = 'run-1';

export function settingsOf(given: string): CoordinatorSettings {
  const journalled = /resumed after (\d+)/.exec(given)?.[1];
  const every = numberOf(given, 'steps? between checkpoint', 0);
  return {
    ...{
      run: RUN,
      term: Number(/term (\d+)/.exec(given)?.[1] ?? 1),
      incarnation: 'c1',
      softwareVersion: '1',
      config: {},
    },
    ...{ fingerprint: 'f', layoutDigest: 'l', batchSize: BATCH_SIZE, sequenceLength: SEQUENCE_LENGTH },
    plans: [{ fromStep: 0, shards: planShards(BATCH_SIZE, numberOf(given, 'shard', 2)) }],
    totalSteps: numberOf(given, 'steps? altogether', 5),
    ...{ stepsPerEpoch: 100, learningRate: 0.1, minWorkers: numberOf(given, 'worker', 2), workerTimeoutMs: 60_000 },
    digestEvery: numberOf(given, 'steps? between digest', 1),
    checkpointEvery: every === 0 ? null : { steps: every },
    audit: given.includes('audit') ? 1 : 0,
    ...{
      sharedMemory: true,
      wire: 'float32',
      gradientLength: 1,
      gradientCredit: numberOf(given, 'gradients? on the way', 16),
      clipNorm: null,
      topology: given.includes('mesh') ? 'mesh' : 'star',
    },
    ...{ seed: 1, evaluationRows: [], sample: null, replicaParts: numberOf(given, 'part', 1) },
    initial: journalled === undefined ? { step: 0, digest: 'd0', optimizerSteps: 0, slots: [] } : null,
    resumption: journalled === undefined ? null : resumptionOf(given, Number(journalled)),
    describeRows: (step, rowStart, rowEnd) => `rows ${rowStart} to ${rowEnd - 1} of step ${step + 1}`,
  };
}

function resumptionOf(given: string, journalled: number): Resumption {
  return {
    journalled,
    journalledDigest: journalled === 0 ? null : `d${journalled}`,
    checkpointStep: numberOf(given, 'steps? in the checkpoint', 0),
    awaitedPeers: /awaiting ([a-z ]+)/.exec(given)?.[1]?.split(' ') ?? [],
    comparesReplay: true,
  };
}

export function recordOf(step: number, shards: number): StepRecord {
  const shardDigests = Array.from({ length: shards }, (_, shard) => `g${step + 1}.${shard}`);
  return { step, loss: 2, characters: BATCH_SIZE * SEQUENCE_LENGTH, gradientNorm: 1, seconds: 0, shardDigests };
}
