/**
 * From what a user set to what applies: preset, machine and defaults fill the gaps, then pairs of options are
 * checked against each other. Precedence, strongest first: command line, environment, config file, preset, default.
 */
import type { EngineName } from './engine-names.js';
import { LockstepError } from './errors.js';
import type { OptionValues } from './option-types.js';
import type { Preset, PresetName } from './presets.js';
import { PRESETS } from './presets.js';
import { TRAIN_OPTIONS } from './train-options.js';
import type { TrainOptions } from './train-options.js';

/** What the choice of defaults needs to know about the machine. */
export interface MachineFacts {
  readonly engine: EngineName;
  readonly device: 'cpu' | 'gpu';
  readonly cores: number;
  readonly gpus: number;
}

/** Sizes and numbers of one run, all filled in. */
export interface ResolvedOptions {
  readonly preset: PresetName;
  /** True when the preset was chosen for the user, who should be told. */
  readonly presetChosen: boolean;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly embedding: number;
  readonly units: number;
  readonly duration: { readonly steps: number } | { readonly epochs: number };
  readonly workers: number;
  readonly minWorkers: number;
  readonly shards: number;
  readonly threads: number;
}

const LOCAL_CPU_WORKERS = 2;

function choosePreset(values: OptionValues<TrainOptions>, facts: MachineFacts): PresetName {
  const asked = values.preset ?? TRAIN_OPTIONS.preset.default;
  if (asked !== 'auto') return asked;
  return facts.device === 'gpu' ? 'tutorial' : 'laptop';
}

function chooseDuration(
  values: OptionValues<TrainOptions>,
  preset: Preset,
  facts: MachineFacts,
): ResolvedOptions['duration'] {
  if (values.steps !== undefined) return { steps: values.steps };
  if (values.epochs !== undefined) return { epochs: values.epochs };
  if (facts.engine === 'wasm' && preset.wasmSteps !== undefined) return { steps: preset.wasmSteps };
  if (preset.steps !== undefined) return { steps: preset.steps };
  return { epochs: preset.epochs ?? 1 };
}

/** @throws LockstepError `usage` when two options contradict each other */
export function resolveOptions(values: OptionValues<TrainOptions>, facts: MachineFacts): ResolvedOptions {
  const presetName = choosePreset(values, facts);
  const preset: Preset = PRESETS[presetName];
  const batchSize = values.batchSize ?? preset.batchSize;
  const workers = values.workers ?? (facts.device === 'gpu' ? Math.max(1, facts.gpus) : LOCAL_CPU_WORKERS);
  const minWorkers = values.minWorkers ?? Math.max(1, workers);
  const shards = values.shards ?? Math.max(workers, minWorkers);
  if (shards > batchSize) {
    const cause = values.shards === undefined ? `${shards} workers (one shard each)` : `--shards ${shards}`;
    throw new LockstepError(
      'usage',
      `a batch of ${batchSize} sequences cannot be cut for ${cause}`,
      `give --shards ${batchSize} or less, or a larger --batch-size`,
    );
  }
  return {
    preset: presetName,
    presetChosen: (values.preset ?? 'auto') === 'auto',
    batchSize,
    sequenceLength: values.sequenceLength ?? preset.sequenceLength,
    embedding: values.embedding ?? preset.embedding,
    units: values.units ?? preset.units,
    duration: chooseDuration(values, preset, facts),
    workers,
    minWorkers,
    shards,
    threads: values.threads ?? Math.max(1, Math.floor(facts.cores / shards)),
  };
}

/** The value that was set, or the table's fixed default. */
export function setOrDefault<K extends OptionsWithDefault>(
  values: OptionValues<TrainOptions>,
  name: K,
): DefaultedValue<K> {
  return (values[name] ?? TRAIN_OPTIONS[name].default) as DefaultedValue<K>;
}

type OptionsWithDefault = {
  [K in keyof TrainOptions]: TrainOptions[K] extends { readonly default: unknown } ? K : never;
}[keyof TrainOptions];
type DefaultedValue<K extends OptionsWithDefault> = NonNullable<OptionValues<TrainOptions>[K]>;
