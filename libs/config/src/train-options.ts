/**
 * Every option of `lockstep train`, once. Defaults that depend on the preset or on the machine have a `defaultText`
 * here and are filled in by `resolve.ts`.
 */
import { ENGINE_CHOICES, ENGINE_HELP } from './engine-names.js';
import type { OptionTable } from './option-types.js';
import { PRESET_NAMES } from './presets.js';

const DATA = 'Data:';
const MODEL = 'Model:';
const TRAINING = 'Training:';
const CLUSTER = 'Cluster:';
const ENGINE = 'Engine:';
const OUTPUT = 'Output:';

const BY_PRESET = 'by preset';

export const TRAIN_OPTIONS = {
  text: {
    type: 'strings',
    group: DATA,
    defaultText: "Jane Austen's Emma, which comes along",
    help: 'Train on these UTF-8 text files or folders of .txt files (.gz is unpacked)',
  },
  order: {
    type: 'string',
    group: DATA,
    choices: ['shuffled', 'sequential'],
    default: 'shuffled',
    help: 'Draw windows in an order shuffled anew each epoch, or one after another',
  },
  validationFraction: {
    type: 'number',
    group: DATA,
    min: 0,
    below: 1,
    default: 0,
    help: 'Hold out this share of the text, at its end, for the validation loss',
  },
  preset: {
    type: 'string',
    group: MODEL,
    choices: ['auto', ...PRESET_NAMES],
    default: 'auto',
    help: 'Take sizes and duration from a preset; auto is tutorial on a GPU and laptop on a CPU',
  },
  embedding: {
    type: 'integer',
    group: MODEL,
    min: 1,
    max: 65_536,
    defaultText: BY_PRESET,
    help: 'Width of the embedding',
  },
  units: { type: 'integer', group: MODEL, min: 1, max: 65_536, defaultText: BY_PRESET, help: 'Number of GRU units' },
  init: {
    type: 'string',
    group: MODEL,
    choices: ['torch', 'keras'],
    default: 'torch',
    help: 'Draw the first weights as PyTorch or as Keras does',
  },
  initFrom: {
    type: 'string',
    group: MODEL,
    help: 'Start from the weights of a checkpoint, a run directory or a bare .safetensors file',
  },
  epochs: {
    type: 'integer',
    group: TRAINING,
    min: 1,
    defaultText: BY_PRESET,
    help: 'Stop after this many passes over the text',
  },
  steps: {
    type: 'integer',
    group: TRAINING,
    min: 1,
    defaultText: BY_PRESET,
    help: 'Stop after this many steps; wins over --epochs',
  },
  batchSize: {
    type: 'integer',
    group: TRAINING,
    unit: 'sequences',
    min: 1,
    max: 1_048_576,
    defaultText: BY_PRESET,
    help: 'Global batch of one step, cut into shards',
  },
  sequenceLength: {
    type: 'integer',
    group: TRAINING,
    unit: 'characters',
    min: 1,
    max: 65_536,
    defaultText: BY_PRESET,
    help: 'Characters of one sequence that are predicted',
  },
  optimizer: { type: 'string', group: TRAINING, choices: ['adam', 'sgd'], default: 'adam', help: 'Update rule' },
  learningRate: { type: 'number', group: TRAINING, above: 0, default: 1e-3, help: 'Size of an update' },
  clipNorm: {
    type: 'number',
    group: TRAINING,
    above: 0,
    defaultText: 'off',
    help: 'Scale the gradient down when its global norm is larger than this',
  },
  seed: {
    type: 'integer',
    group: TRAINING,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    help: 'Decides first weights, order and samples',
  },
  workers: {
    type: 'integer',
    group: CLUSTER,
    min: 0,
    max: 1024,
    defaultText: 'one per GPU, or 2 on a CPU',
    help: 'Start this many local worker processes; 0 waits for `lockstep worker` from other machines',
  },
  minWorkers: {
    type: 'integer',
    group: CLUSTER,
    min: 1,
    max: 1024,
    defaultText: 'the number of workers, or 1 with --workers 0',
    help: 'Begin as soon as this many workers are ready',
  },
  shards: {
    type: 'integer',
    group: CLUSTER,
    min: 1,
    max: 1024,
    defaultText: 'the number of workers at launch',
    help: 'Cut each batch into this many shards; runs with equal shards end with equal bytes on any number of workers',
  },
  bind: {
    type: 'string',
    group: CLUSTER,
    default: 'tcp://127.0.0.1:0',
    help: 'Address workers connect to; port 0 picks a free one, tcp://0.0.0.0:5555 admits other machines',
  },
  workerTimeout: {
    type: 'number',
    group: CLUSTER,
    unit: 'seconds',
    min: 1,
    max: 86_400,
    default: 600,
    help: 'Give up when the workers needed are not there after this long',
  },
  digestEvery: {
    type: 'integer',
    group: CLUSTER,
    unit: 'steps',
    min: 1,
    max: 32,
    default: 1,
    help: 'Compare a digest of the weights of all workers this often, and journal it',
  },
  audit: {
    type: 'number',
    group: CLUSTER,
    min: 0,
    max: 1,
    default: 0,
    help: 'Let a second worker compute this share of all shards too, and compare the bits',
  },
  maxFaults: {
    type: 'integer',
    group: CLUSTER,
    min: 0,
    max: 1_000_000,
    default: 20,
    help: 'Start local workers that crash again so many times; an hour without a crash gives all of them back',
  },
  maxPreemptions: {
    type: 'integer',
    group: CLUSTER,
    min: 0,
    max: 1_000_000,
    default: 1_000,
    help: 'The same for local workers that were told from outside to go',
  },
  maxCoordinatorRestarts: {
    type: 'integer',
    group: CLUSTER,
    min: 0,
    max: 1_000_000,
    default: 20,
    help: 'The same for the coordinator',
  },
  engine: {
    type: 'string',
    group: ENGINE,
    choices: ENGINE_CHOICES,
    default: 'auto',
    help: ENGINE_HELP,
  },
  device: {
    type: 'string',
    group: ENGINE,
    choices: ['auto', 'cpu', 'gpu'],
    default: 'auto',
    help: 'Kind of device a worker computes on',
  },
  threads: {
    type: 'integer',
    group: ENGINE,
    min: 1,
    max: 1024,
    defaultText: 'cores divided by shards, at least 1',
    help: 'Threads of one worker; part of what decides the bits of a result',
  },
  installEngine: {
    type: 'boolean',
    group: ENGINE,
    default: false,
    help: 'Install the native engine first when it is missing, as npm start does',
  },
  runDir: {
    type: 'string',
    group: OUTPUT,
    defaultText: 'a new folder below runs/',
    help: 'Folder for everything the run writes; must be new or empty',
  },
  resume: {
    type: 'string',
    group: OUTPUT,
    help: 'Go on with the run in this run directory, exactly where it ended',
  },
  checkpointEvery: {
    type: 'cadence',
    group: OUTPUT,
    unit: 'steps or time',
    default: '10m',
    help: 'Write a checkpoint this often: every 500 steps, or every 90s, 10m or 2h',
  },
  keep: {
    type: 'integer',
    group: OUTPUT,
    unit: 'checkpoints',
    min: 1,
    default: 5,
    help: 'Keep the newest so many checkpoints, beside the first',
  },
  sampleLength: {
    type: 'integer',
    group: OUTPUT,
    unit: 'characters',
    min: 0,
    max: 100_000,
    default: 500,
    help: 'Length of the text generated at the end',
  },
  json: { type: 'boolean', group: OUTPUT, default: false, help: 'Print one JSON event a line on standard output' },
  quiet: { type: 'boolean', group: OUTPUT, default: false, help: 'Print nothing but errors' },
} as const satisfies OptionTable;

export type TrainOptions = typeof TRAIN_OPTIONS;
