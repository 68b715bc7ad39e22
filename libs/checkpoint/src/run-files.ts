/**
 * The JSON files of a run directory that people and other processes read while it runs: config.json (what decides the
 * result), run.json (how it stands, about once a second) and summary.json (how it ended). Replaced atomically, so a
 * reader needs no lock.
 */
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.js';
import { runPaths } from './run-paths.js';

const RUN_FILE_FORMAT_VERSION = 2;

const count = z.int().nonnegative();
const seconds = z.record(z.string(), z.number().nonnegative());
const processIdentity = z.object({ pid: z.int().positive(), processStart: z.string().nullable() });

const runFileSchema = z.object({
  formatVersion: z.literal(RUN_FILE_FORMAT_VERSION, `not format version ${RUN_FILE_FORMAT_VERSION}`),
  runId: z.string().min(1),
  /** Where the coordinator runs. */
  host: z.string(),
  coordinator: processIdentity,
  /** The process that keeps the coordinator and the local workers alive; null when nobody does. */
  supervisor: processIdentity.nullable(),
  /** Number of the coordinator's life in the run. */
  term: count,
  endpoint: z.string(),
  /** Where commands to the running run go; null when it takes none. */
  control: z.string().nullable(),
  /** Where its live page and its metrics are; null when nobody may look. */
  metrics: z.string().nullable().default(null),
  state: z.enum(['starting', 'waiting', 'recovering', 'running', 'stopping', 'done', 'failed', 'stopped']),
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  step: count,
  /** The step at which the run ends; null when it goes on until it is stopped. */
  steps: count.nullable(),
  epoch: count,
  /** Mean cross-entropy of the last step, nats a character. */
  loss: z.number().nullable(),
  charactersPerSecond: z.number().nonnegative(),
  engine: z.string(),
  shards: count,
  workers: z.array(
    z.object({
      slot: count,
      /** What people call it, over restarts. */
      name: z.string().min(1),
      /** What the transport calls this process. */
      peer: z.string().min(1),
      /** Started by this run itself. */
      local: z.boolean(),
      pid: z.int().positive(),
      host: z.string(),
      /** One word of the protocol. */
      state: z.string().min(1),
      step: count,
      shards: count,
      secondsPerShard: z.number().nonnegative(),
      /** In which all others waited for it alone, in this life of the coordinator. */
      barrierWaitSeconds: z.number().nonnegative().default(0),
    }),
  ),
  /** Where the time of steps and of the run went, in this life of the coordinator. */
  phaseSeconds: seconds.default({}),
  runSeconds: seconds.default({}),
  error: z.string().nullable(),
});

const summarySchema = z.looseObject({
  runId: z.string().min(1),
  steps: count,
  characters: count,
  /** Nats a character, by epoch of the text. */
  epochMeanLoss: z.array(z.number()),
  validationLoss: z.number().nullable(),
  weightsSha256: z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in hexadecimal'),
  charactersPerSecond: z.number().nonnegative(),
  engine: z.string(),
  workers: count,
  shards: count,
  wallSeconds: z.number().nonnegative(),
});

export type RunFile = z.infer<typeof runFileSchema>;
export type RunState = RunFile['state'];
export type RunSummary = z.infer<typeof summarySchema>;

/** Replaces config.json by the resolved config. */
export async function writeRunConfig(runDirectory: string, config: unknown): Promise<void> {
  await writeJsonFile(runPaths(runDirectory).config, config);
}

/** Replaces run.json. */
export async function writeRunFile(runDirectory: string, runFile: RunFile): Promise<void> {
  await writeJsonFile(runPaths(runDirectory).run, runFile);
}

/**
 * Reads run.json.
 * @throws LockstepError 'io' when there is none, 'data' naming the field that is wrong
 */
export async function readRunFile(runDirectory: string): Promise<RunFile> {
  return readJsonFile(runPaths(runDirectory).run, runFileSchema);
}

/** Replaces summary.json. */
export async function writeSummary(runDirectory: string, summary: RunSummary): Promise<void> {
  await writeJsonFile(runPaths(runDirectory).summary, summary);
}

/**
 * Reads summary.json.
 * @throws LockstepError 'io' when there is none, 'data' naming the field that is wrong
 */
export async function readSummary(runDirectory: string): Promise<RunSummary> {
  return readJsonFile(runPaths(runDirectory).summary, summarySchema);
}
