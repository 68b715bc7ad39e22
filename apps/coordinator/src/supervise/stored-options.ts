/**
 * Options over the lives of a run. What decides the result stays as it was at the start, and comes from the run's
 * configuration; what only decides where, how long and how carefully it runs may be given anew.
 */
import { readRunFile, readRunOptions, runPaths } from '@lockstep/checkpoint';
import { checkOptions, flagName, LockstepError, TRAIN_OPTIONS } from '@lockstep/config';
import type { OptionValues, ResolvedOptions, RunConfig, TrainOptions } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readRunConfig } from '../train/read-config.js';

type Values = OptionValues<TrainOptions>;

/** What a resumed run may be given anew. */
const CHANGEABLE: ReadonlySet<string> = new Set<keyof TrainOptions>([
  'text',
  'steps',
  'epochs',
  'workers',
  'minWorkers',
  'bind',
  'workerTimeout',
  'topology',
  'localExchange',
  'audit',
  'checkpointEvery',
  'keep',
  'maxFaults',
  'maxPreemptions',
  'maxCoordinatorRestarts',
  'sampleLength',
  'sampleEvery',
  'installEngine',
  'profile',
  'deadline',
  'metricsPort',
  'metricsHost',
  'noMetrics',
  'logLevel',
  'tensorboard',
  'json',
  'quiet',
  'resume',
]);

/** Said anew each time, or only of use at the start. */
const NOT_STORED: ReadonlySet<string> = new Set<keyof TrainOptions>([
  'resume',
  'runDir',
  'profile',
  'metricsPort',
  'metricsHost',
  'noMetrics',
  'logLevel',
  'json',
  'quiet',
  'installEngine',
]);

export interface ResumedRun {
  readonly runId: string;
  /** Where it was bound last. */
  readonly endpoint: string | null;
  readonly values: Values;
}

/** What is kept of a run's options: files by their whole path, the chosen preset and duration by name. */
export function optionsToStore(runId: string, values: Values, options: ResolvedOptions): Record<string, unknown> {
  const { text, initFrom, tensorboard } = values;
  const kept = Object.entries(withoutDuration(values)).filter(([name]) => !NOT_STORED.has(name));
  return {
    runId,
    ...Object.fromEntries(kept),
    preset: options.preset,
    ...options.duration,
    ...(text === undefined ? {} : { text: text.map((path) => resolve(path)) }),
    ...(initFrom === undefined ? {} : { initFrom: resolve(initFrom) }),
    ...(tensorboard === undefined ? {} : { tensorboard: resolve(tensorboard) }),
  };
}

/**
 * Reads what a run was started with and lays over it what is given now.
 * @param given command line, environment and file
 * @throws LockstepError `usage` naming an option that contradicts the run, or a directory that is none
 */
export async function resumeRun(directory: string, given: Values): Promise<ResumedRun> {
  if (given.runDir !== undefined) {
    const what = `--run-dir ${given.runDir} is where a new run begins, --resume ${directory} the run that goes on`;
    throw new LockstepError('usage', what, 'leave --run-dir out to go on with it, or --resume to begin a new one');
  }
  const { config: configPath, options, journal, run } = runPaths(directory);
  if (!existsSync(configPath) || !existsSync(options)) {
    const what = `${directory} holds no run that can be resumed`;
    const hint = existsSync(journal) ? 'its options.json or config.json is missing' : 'name a run directory';
    throw new LockstepError('usage', what, hint);
  }
  const { runId, ...saved } = await readRunOptions(directory);
  if (typeof runId !== 'string') throw new LockstepError('data', `${options} names no run`, 'begin a new run');
  const stored = checkOptions(TRAIN_OPTIONS, saved, { kind: 'config', nameOf: (name) => `${name} in ${options}` });
  const config = await readRunConfig(configPath);
  const { preset, initFrom } = stored;
  const fixed: Values = {
    ...decidedBy(config),
    ...(preset === undefined ? {} : { preset }),
    ...(initFrom === undefined ? {} : { initFrom }),
  };
  checkAgainst(fixed, given, directory);
  const isLonger = given.steps !== undefined || given.epochs !== undefined;
  const file = existsSync(run) ? await readRunFile(directory) : null;
  return {
    runId,
    endpoint: file === null || given.bind !== undefined ? null : file.endpoint,
    values: { ...(isLonger ? withoutDuration(stored) : stored), ...given, ...fixed },
  };
}

/** @throws LockstepError naming the first option that is given and is another one than the run's */
function checkAgainst(fixed: Values, given: Values, directory: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (CHANGEABLE.has(name)) continue;
    const before: unknown = fixed[name as keyof Values];
    const now = name === 'initFrom' ? resolve(String(value)) : value;
    if (isSame(now, before)) continue;
    const had = before === undefined || before === null ? 'without it' : `with ${JSON.stringify(before)}`;
    const flag = `--${flagName(name)}`;
    const what = `${flag} ${JSON.stringify(value)} contradicts the run in ${directory}, which was started ${had}`;
    throw new LockstepError('usage', what, `leave ${flag} out, or begin a new run`);
  }
}

/** `auto` goes with whatever was chosen. */
function isSame(given: unknown, before: unknown): boolean {
  return given === 'auto' || JSON.stringify(given) === JSON.stringify(before ?? undefined);
}

function withoutDuration({ steps: _steps, epochs: _epochs, ...rest }: Values): Values {
  return rest;
}

/** The options that a configuration has fixed. */
function decidedBy(config: RunConfig): Values {
  const { order, validationFraction, batchSize, sequenceLength, embedding, units, init } = config;
  const { optimizer, learningRate, clipNorm, seed, shards, wire, engine, device, threads, digestEvery } = config;
  return {
    ...{ order, validationFraction, batchSize, sequenceLength, embedding, units, init },
    ...{ optimizer, learningRate, seed, shards, wire, engine, device, threads, digestEvery },
    ...(clipNorm === null ? {} : { clipNorm }),
  };
}
