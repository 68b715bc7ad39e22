/**
 * The resolved configuration of a run: everything that decides its result, nothing that does not. It is written to
 * `config.json`, stored in every checkpoint and sent to every worker; peers compare its fingerprint. How long a run
 * lasts, where it writes and on which machines it runs is not part of it.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { ENGINE_NAMES } from './engine-names.js';
import { LockstepError } from './errors.js';

const positiveInteger = z.int().min(1);

const runConfigSchema = z.strictObject({
  /** Raised when a field is added or changes its meaning. */
  formatVersion: z.literal(1),
  text: z.strictObject({
    /** Where the text came from, as the user gave it. */
    sources: z.array(z.string()),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    characters: positiveInteger,
  }),
  vocabularySize: z.int().min(2),
  vocabularyDigest: z.string(),
  order: z.enum(['shuffled', 'sequential']),
  validationFraction: z.number().min(0).lt(1),
  batchSize: positiveInteger,
  sequenceLength: positiveInteger,
  embedding: positiveInteger,
  units: positiveInteger,
  init: z.enum(['torch', 'keras']),
  /** SHA-256 of the weights that the run started from, when they came from a file. */
  initFrom: z.string().nullable(),
  optimizer: z.enum(['adam', 'sgd']),
  learningRate: z.number().positive(),
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
  clipNorm: z.number().positive().nullable(),
  seed: z.int().min(0),
  shards: positiveInteger,
  engine: z.enum(ENGINE_NAMES),
  device: z.enum(['cpu', 'gpu']),
  /** Threads of one worker: TensorFlow's sums on a CPU have other bits with another number of threads. */
  threads: positiveInteger,
  digestEvery: positiveInteger,
});

export type RunConfig = z.infer<typeof runConfigSchema>;

/**
 * Checks a configuration read from a file or a message.
 * @throws LockstepError `config` naming `where` and the first field that is wrong
 */
export function parseRunConfig(value: unknown, where: string): RunConfig {
  const parsed = runConfigSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new LockstepError(
    'config',
    `${where} holds no usable configuration: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trimEnd(),
    'use a file that this version of lockstep wrote',
  );
}

/** SHA-256 over the configuration's canonical JSON (keys in ascending order), as hex. */
export function configFingerprint(config: RunConfig): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(config))));
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
