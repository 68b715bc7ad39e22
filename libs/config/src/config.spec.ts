import { describe, expect, it } from 'vitest';
import {
  LockstepError,
  PRESET_NAMES,
  PRESETS,
  TRAIN_OPTIONS,
  checkOptions,
  configFingerprint,
  environmentName,
  flagName,
  parseRunConfig,
  resolveOptions,
} from './index.js';
import type { MachineFacts, RunConfig } from './index.js';

const LAPTOP: MachineFacts = { engine: 'tensorflow', device: 'cpu', cores: 2, gpus: 0 };
const CONFIG: RunConfig = {
  formatVersion: 2,
  text: { sources: ['a.txt'], sha256: 'a'.repeat(64), characters: 100 },
  vocabularySize: 10,
  vocabularyDigest: 'v',
  order: 'shuffled',
  validationFraction: 0,
  batchSize: 8,
  sequenceLength: 20,
  embedding: 16,
  units: 32,
  init: 'torch',
  initFrom: null,
  optimizer: 'adam',
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  clipNorm: null,
  seed: 1,
  shards: 2,
  wire: 'float32',
  engine: 'wasm',
  device: 'cpu',
  threads: 1,
  digestEvery: 10,
};

function usageError(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof LockstepError && error.kind === 'usage') return error.line;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('options table', () => {
  it('is this list of flags, so that none is added, renamed or lost by accident', () => {
    expect(Object.keys(TRAIN_OPTIONS).map(flagName)).toEqual([
      'text',
      'order',
      'validation-fraction',
      'preset',
      'embedding',
      'units',
      'init',
      'init-from',
      'epochs',
      'steps',
      'batch-size',
      'sequence-length',
      'optimizer',
      'learning-rate',
      'clip-norm',
      'seed',
      'workers',
      'min-workers',
      'shards',
      'bind',
      'worker-timeout',
      'digest-every',
      'topology',
      'local-exchange',
      'wire',
      'audit',
      'max-faults',
      'max-preemptions',
      'max-coordinator-restarts',
      'engine',
      'device',
      'threads',
      'install-engine',
      'run-dir',
      'resume',
      'checkpoint-every',
      'keep',
      'sample-length',
      'sample-every',
      'profile',
      'metrics-port',
      'metrics-host',
      'deadline',
      'no-metrics',
      'log-level',
      'tensorboard',
      'json',
      'quiet',
    ]);
  });

  it('names variables after flags', () => {
    expect(environmentName('batchSize')).toBe('LOCKSTEP_BATCH_SIZE');
  });

  it.each([
    [{ batchSize: 0 }, '--batch-size 0'],
    [{ batchSize: 1.5 }, 'a whole number'],
    [{ batchSize: Number.NaN }, '--batch-size'],
    [{ learningRate: 0 }, 'greater than 0'],
    [{ validationFraction: 1 }, 'less than 1'],
    [{ optimizer: 'rmsprop' }, 'one of adam, sgd'],
    [{ seed: [1, 2] }, 'given 2 times'],
    [{ json: 'yes' }, 'true or false'],
    [{ runDir: '' }, 'a value'],
  ])('refuses %j by name', (values, part) => {
    expect(usageError(() => checkOptions(TRAIN_OPTIONS, values))).toContain(part);
  });
});

describe('resolution', () => {
  it('takes the tutorial on a GPU and the laptop preset on a CPU, and says that it chose', () => {
    expect(resolveOptions({}, LAPTOP)).toMatchObject({
      preset: 'laptop',
      presetChosen: true,
      workers: 2,
      shards: 2,
      threads: 1,
    });
    expect(resolveOptions({}, { ...LAPTOP, device: 'gpu', gpus: 4 })).toMatchObject({
      preset: 'tutorial',
      workers: 4,
      shards: 4,
    });
    expect(resolveOptions({ preset: 'tiny' }, LAPTOP)).toMatchObject({
      presetChosen: false,
      batchSize: PRESETS.tiny.batchSize,
    });
  });

  it('lets options win over the preset, and steps over epochs', () => {
    expect(resolveOptions({ preset: 'small', units: 7, epochs: 3, steps: 5 }, LAPTOP)).toMatchObject({
      units: 7,
      duration: { steps: 5 },
    });
    expect(resolveOptions({ preset: 'small', epochs: 3 }, LAPTOP).duration).toEqual({ epochs: 3 });
  });

  it('trains fewer steps on the embedded engine unless told how many', () => {
    const wasm: MachineFacts = { ...LAPTOP, engine: 'wasm' };
    expect(resolveOptions({}, wasm).duration).toEqual({ steps: PRESETS.laptop.wasmSteps });
    expect(resolveOptions({ steps: 9 }, wasm).duration).toEqual({ steps: 9 });
  });

  it('makes threads follow the shard plan, not the number of workers', () => {
    const facts = { ...LAPTOP, cores: 8 };
    for (const workers of [1, 2, 4]) expect(resolveOptions({ shards: 4, workers }, facts).threads).toBe(2);
    expect(resolveOptions({ shards: 64 }, facts).threads).toBe(1);
    expect(resolveOptions({ shards: 4, threads: 5 }, facts).threads).toBe(5);
  });

  it('refuses more shards than sequences, and says which option is to blame', () => {
    expect(usageError(() => resolveOptions({ batchSize: 3, shards: 4 }, LAPTOP))).toContain('--shards 4');
    expect(usageError(() => resolveOptions({ batchSize: 3, workers: 4 }, LAPTOP))).toContain('4 workers');
  });

  it('knows every preset it names', () => {
    expect([...PRESET_NAMES].sort()).toEqual(Object.keys(PRESETS).sort());
  });
});

describe('run configuration', () => {
  it('has a fingerprint that follows the values, not their order', () => {
    const reordered = Object.fromEntries(Object.entries(CONFIG).reverse());
    expect(configFingerprint(parseRunConfig(reordered, 'x'))).toBe(configFingerprint(CONFIG));
    expect(configFingerprint({ ...CONFIG, seed: 2 })).not.toBe(configFingerprint(CONFIG));
  });

  it.each([
    ['a missing field', { ...CONFIG, seed: undefined }],
    ['an unknown field', { ...CONFIG, extra: 1 }],
    ['no object', 'text'],
  ])('refuses %s, naming where it was', (_, value) => {
    expect(() => parseRunConfig(value, 'config.json')).toThrow(/^config\.json holds no usable configuration/);
  });
});
