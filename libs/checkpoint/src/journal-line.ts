/**
 * What the journal says, one line each: the life of a coordinator begins (`term`), the batch is cut in another way
 * from a step on (`plan`), a step is committed (`step`). Steps and terms count from 1, as people count.
 */
import { z } from 'zod';

const count = z.int().nonnegative();
const ordinal = z.int().positive();
/** xxh64 in hexadecimal. */
const digest = z.string().regex(/^[0-9a-f]{16}$/, 'not a digest of 16 hexadecimal digits');

/** First line of each life of a coordinator, on the disk before anything is sent in that life. */
const termLine = z.looseObject({
  kind: z.literal('term'),
  term: ordinal,
  /** Random id of the coordinator's process. */
  incarnation: z.string().min(1),
  host: z.string(),
  pid: ordinal,
  startedAt: z.iso.datetime(),
  /** Steps in the journal before this line. */
  step: count,
  /** What the run's bytes depend on, once it is known. */
  computeClass: z.string().nullable(),
});

/** On the disk before the first step that is computed under it. */
const planLine = z.looseObject({
  kind: z.literal('plan'),
  /** The first step computed under this plan. */
  fromStep: ordinal,
  /** Row ranges of the global batch, end excluded, by shard. */
  shards: z.array(z.tuple([count, count])).min(1),
});

const stepLine = z.looseObject({
  kind: z.literal('step'),
  step: ordinal,
  epoch: count,
  /** The life in which it was computed. */
  term: ordinal,
  /** Mean cross-entropy, nats a character. */
  loss: z.number(),
  /** Characters that the loss is the mean of. */
  characters: count,
  seconds: z.number().nonnegative(),
  gradientNorm: z.number().nonnegative(),
  /** Of each shard's gradient, by shard. */
  shardDigests: z.array(digest),
  /** Of the weights after the step; only every few steps. */
  weightsDigest: digest.optional(),
});

export const journalLine = z.discriminatedUnion('kind', [termLine, planLine, stepLine]);

export type JournalLine = z.infer<typeof journalLine>;
export type TermLine = z.infer<typeof termLine>;
export type PlanLine = z.infer<typeof planLine>;
export type StepLine = z.infer<typeof stepLine>;

type LineRecord = Readonly<Record<string, unknown>>;

/** The object on one line, or why there is none: what a crash can tear. What the object says is another matter. */
export function parseLine(bytes: Uint8Array): { readonly line: LineRecord } | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'it is not an object' };
    return { line: value as LineRecord };
  } catch {
    return { problem: 'it is not JSON' };
  }
}
