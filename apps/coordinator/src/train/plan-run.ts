/**
 * Works out everything that a run is before anything is written or started: the resolved configuration, the batches
 * and the first weights.
 */
import { configFingerprint, LockstepError, resolveOptions, setOrDefault } from '@lockstep/config';
import type { MachineFacts, OptionValues, ResolvedOptions, RunConfig, TrainOptions } from '@lockstep/config';
import { readWeights } from '@lockstep/checkpoint';
import type { WeightsOnly } from '@lockstep/checkpoint';
import {
  UNKNOWN_ID,
  buildVocabulary,
  countWindows,
  createSchedule,
  cutRows,
  planShards,
  splitValidation,
  vocabularyFromCharacters,
} from '@lockstep/data';
import type { Schedule, Shard, Vocabulary } from '@lockstep/data';
import { initialWeights } from '@lockstep/model';
import { weightLayout } from '@lockstep/reduce';
import type { WeightLayout } from '@lockstep/reduce';
import { viewAsBytes } from '@lockstep/runtime';
import type { Batches } from '@lockstep/runtime';
import { warnPassedOver } from '../passed-over.js';
import { readText } from './read-text.js';
import type { SourceText } from './read-text.js';

/** As in the paper and in TensorFlow's text-generation tutorial. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;

export interface RunPlan {
  readonly options: ResolvedOptions;
  readonly config: RunConfig;
  readonly vocabulary: Vocabulary;
  readonly layout: WeightLayout;
  /** The first weights; drawn when asked for, which takes seconds for a large model. */
  readonly weights: () => Float32Array;
  readonly shards: readonly Shard[];
  readonly schedule: Schedule;
  readonly batches: Batches;
  /** Rows of each validation batch. */
  readonly evaluationRows: readonly number[];
  readonly totalSteps: number;
  /** A window of the text to start a sample from. */
  readonly prime: string;
  /** As the user gave them; undefined for the novel that comes along. */
  readonly textPaths: readonly string[] | undefined;
  /** Characters of the text that the vocabulary of the checkpoint it starts from lacks. */
  readonly unknownCharacters: number;
}

interface Windows {
  readonly schedule: Schedule;
  readonly batches: Batches;
  readonly evaluationRows: readonly number[];
}

function planWindows(
  training: Int32Array,
  validation: Int32Array,
  sizes: { readonly batchSize: number; readonly sequenceLength: number },
  order: 'shuffled' | 'sequential',
  seed: number,
): Windows {
  const { batchSize, sequenceLength } = sizes;
  const windowCount = countWindows(training.length, sequenceLength, 'text');
  const schedule = createSchedule({ windowCount, batchSize, order, seed });
  const held = validation.length === 0 ? 0 : countWindows(validation.length, sequenceLength, 'validation text');
  const evaluationRows = Array.from({ length: Math.ceil(held / batchSize) }, (_, index) =>
    Math.min(batchSize, held - index * batchSize),
  );
  const batches: Batches = {
    windows: (step, rowStart, rowEnd) =>
      viewAsBytes(cutRows(training, schedule.windows(step), rowStart, rowEnd, sequenceLength)),
    evaluation: (index) => {
      const rows = evaluationRows[index] ?? 0;
      const windows = Int32Array.from({ length: rows }, (_, row) => index * batchSize + row);
      return viewAsBytes(cutRows(validation, windows, 0, rows, sequenceLength));
    },
  };
  return { schedule, batches, evaluationRows };
}

/** @throws LockstepError `data` when the checkpoint's weights do not fit the model asked for */
function checkShape(start: WeightsOnly, path: string, layout: WeightLayout): void {
  if (start.layout.digest === layout.digest) return;
  const odd = start.layout.entries.find((entry, i) => entry.shape.join() !== layout.entries[i]?.shape.join());
  const wanted = layout.entries.find((entry) => entry.name === odd?.name);
  throw new LockstepError(
    'data',
    `the weights in ${path} have another shape: ${odd?.name ?? 'the layout'} is [${odd?.shape.join(', ') ?? ''}], ` +
      `this run needs [${wanted?.shape.join(', ') ?? ''}]`,
    'give the --embedding and --units of the checkpoint, and a text with its characters',
  );
}

/** @throws LockstepError `data` naming the text and both sums when it is another one than the run has learnt from */
function checkText({ sha256 }: SourceText, { text }: RunConfig, paths: readonly string[] | undefined): void {
  if (sha256 === text.sha256) return;
  const names = (paths ?? text.sources).join(', ');
  const what = `the text ${names} has changed: SHA-256 ${sha256}, the run has ${text.sha256}`;
  throw new LockstepError('data', what, 'put the old text back, or name it with --text, or begin a new run');
}

/** @throws LockstepError `config` naming the first setting that differs */
function checkConfig(config: RunConfig, known: RunConfig): void {
  if (configFingerprint(config) === configFingerprint(known)) return;
  const names = Object.keys(known) as (keyof RunConfig)[];
  const odd = names.find((name) => JSON.stringify(config[name]) !== JSON.stringify(known[name])) ?? 'formatVersion';
  const what = `${odd} is ${JSON.stringify(config[odd])} now, the run has ${JSON.stringify(known[odd])}`;
  throw new LockstepError('config', what, 'go on with the version and the files that the run was started with');
}

async function readStart(path: string | undefined): Promise<WeightsOnly | undefined> {
  return path === undefined ? undefined : readWeights(path, { onPassedOver: warnPassedOver });
}

/** What is known of a run that goes on. */
export interface KnownRun {
  /** What decides its result. */
  readonly config: RunConfig;
  /** Of its newest sound checkpoint; null before the first. */
  readonly vocabulary: readonly string[] | null;
}

/**
 * @param facts the machine and the engine that will compute
 * @param known the run that this plan must be of; undefined for a new one
 * @throws LockstepError naming the option, the text or the checkpoint that does not fit
 */
export async function planRun(
  values: OptionValues<TrainOptions>,
  facts: MachineFacts,
  known?: KnownRun,
): Promise<RunPlan> {
  const options = resolveOptions(values, facts);
  const source = await readText(values.text);
  if (known !== undefined) checkText(source, known.config, values.text);
  // A run that goes on has no need of the file that it began from.
  const begun = known !== undefined && known.vocabulary !== null;
  const start = begun ? undefined : await readStart(values.initFrom);
  const characters = begun ? known.vocabulary : (start?.checkpoint?.vocabulary ?? null);
  const vocabulary = characters === null ? buildVocabulary(source.text) : vocabularyFromCharacters(characters);
  const ids = vocabulary.encode(source.text);
  const sources = known?.config.text.sources ?? source.sources;
  const text = { sources: [...sources], sha256: source.sha256, characters: ids.length };
  const initFrom = begun ? known.config.initFrom : (start?.weightsSha256 ?? null);
  const config = runConfig(values, facts, options, text, vocabulary, initFrom);
  if (known !== undefined) checkConfig(config, known.config);
  const layout = weightLayout(config);
  if (start !== undefined) checkShape(start, values.initFrom ?? '', layout);
  const { training, validation } = splitValidation(ids, config.validationFraction);
  const windows = planWindows(training, validation, options, config.order, config.seed);
  const { duration } = options;
  return {
    options,
    config,
    vocabulary,
    layout,
    weights: () => (start === undefined ? initialWeights(layout, config) : Float32Array.from(start.weights)),
    shards: planShards(config.batchSize, config.shards),
    ...windows,
    totalSteps: 'steps' in duration ? duration.steps : duration.epochs * windows.schedule.stepsPerEpoch,
    textPaths: values.text,
    unknownCharacters: ids.reduce((count, id) => (id === UNKNOWN_ID ? count + 1 : count), 0),
    prime: [...source.text.slice(0, 200)].slice(0, 100).join(''),
  };
}

function runConfig(
  values: OptionValues<TrainOptions>,
  facts: MachineFacts,
  options: ResolvedOptions,
  text: RunConfig['text'],
  vocabulary: Vocabulary,
  initFrom: string | null,
): RunConfig {
  const { batchSize, sequenceLength, embedding, units, shards, threads } = options;
  return Object.freeze({
    formatVersion: 2,
    text,
    vocabularySize: vocabulary.size,
    vocabularyDigest: vocabulary.digest,
    order: setOrDefault(values, 'order'),
    validationFraction: setOrDefault(values, 'validationFraction'),
    batchSize,
    sequenceLength,
    embedding,
    units,
    init: setOrDefault(values, 'init'),
    initFrom,
    optimizer: setOrDefault(values, 'optimizer'),
    learningRate: setOrDefault(values, 'learningRate'),
    ...ADAM,
    clipNorm: values.clipNorm ?? null,
    seed: setOrDefault(values, 'seed'),
    shards,
    wire: setOrDefault(values, 'wire'),
    engine: facts.engine,
    device: facts.device,
    threads,
    digestEvery: setOrDefault(values, 'digestEvery'),
  });
}
