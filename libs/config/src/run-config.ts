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

const text = (description: string): z.ZodString => z.string().meta({ description });
const whole = (least: number, unit: string, description: string): z.ZodInt =>
  z.int().min(least).meta({ description, unit });
const share = (description: string): z.ZodNumber => z.number().min(0).lt(1).meta({ description, unit: '0 to 1' });

export const runConfigSchema = z.strictObject({
  formatVersion: z.literal(2).meta({ description: 'Raised when a field is added or changes its meaning' }),
  text: z.strictObject({
    sources: z.array(z.string()).meta({ description: 'Where the text came from, as the user gave it' }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .meta({ description: 'SHA-256 of the text, in hexadecimal' }),
    characters: whole(1, 'characters', 'Its length'),
  }),
  vocabularySize: whole(2, 'ids', 'Different characters, and one id for all others'),
  vocabularyDigest: text('Digest of the vocabulary'),
  order: z.enum(['shuffled', 'sequential']).meta({ description: 'Order in which windows are drawn' }),
  validationFraction: share('Part of the text, at its end, that is held out'),
  batchSize: whole(1, 'sequences', 'Global batch of one step'),
  sequenceLength: whole(1, 'characters', 'Characters of a sequence that are predicted'),
  embedding: whole(1, 'values', 'Width of the embedding'),
  units: whole(1, 'units', 'GRU units'),
  init: z.enum(['torch', 'keras']).meta({ description: 'How the first weights are drawn' }),
  initFrom: z
    .string()
    .nullable()
    .meta({ description: 'SHA-256 of the weights that the run started from, when they came from a file' }),
  optimizer: z.enum(['adam', 'sgd']).meta({ description: 'Update rule' }),
  learningRate: z.number().positive().meta({ description: 'Size of an update' }),
  beta1: share("Adam's decay of the mean gradient"),
  beta2: share("Adam's decay of the mean square of the gradient"),
  epsilon: z.number().positive().meta({ description: "Adam's term against divisions by zero" }),
  clipNorm: z.number().positive().nullable().meta({ description: 'Largest global norm of a gradient; null: no limit' }),
  seed: z.int().min(0).meta({ description: 'Decides first weights, order and samples' }),
  shards: whole(1, 'shards', 'Shards of a batch at launch'),
  wire: z
    .enum(['float32', 'bfloat16'])
    .meta({ description: 'Form in which the gradient of a shard travels; it is rounded to it even where it stays' }),
  engine: z.enum(ENGINE_NAMES).meta({ description: 'What runs the tensor maths' }),
  device: z.enum(['cpu', 'gpu']).meta({ description: 'Kind of device of the workers' }),
  threads: whole(1, 'threads', 'Of one worker: sums on a CPU may have other bits with another number'),
  digestEvery: whole(1, 'steps', 'How often the weights of all workers are compared'),
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
