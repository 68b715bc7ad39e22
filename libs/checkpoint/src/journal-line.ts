/**
 * A journal line: one committed step. The journal itself takes any JSON object; this is what the coordinator writes.
 */
import { z } from 'zod';

const count = z.int().nonnegative();

export const journalLine = z.looseObject({
  /** The step that this line commits; the first is 1. */
  step: count,
  epoch: count,
  plan: z.looseObject({
    /** Row ranges of the global batch, end excluded, by shard. */
    shards: z.array(z.tuple([count, count])).min(1),
    digest: z.string().optional(),
  }),
  /** Mean cross-entropy, nats a character. */
  loss: z.number(),
  /** Characters that the loss is the mean of. */
  characters: count,
  seconds: z.number().nonnegative(),
  gradientNorm: z.number().nonnegative().optional(),
  weightsDigest: z.string().optional(),
});

export type LineRecord = Readonly<Record<string, unknown>>;

/** The object on one line, or why there is none. */
export function parseLine(bytes: Uint8Array): { readonly line: LineRecord } | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'it is not an object' };
    return { line: value as LineRecord };
  } catch {
    return { problem: 'it is not JSON' };
  }
}
