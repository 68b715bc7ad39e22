/**
 * Everything that coordinator and workers say to each other. A message is one small header, checked against these
 * schemas on both sides, plus raw payload frames that the protocol never looks into: float32 vectors, or int32
 * character ids. Nothing on the wire is code.
 */
import { z } from 'zod';

/** Raised when a message changes its meaning; peers of another version are refused. */
export const PROTOCOL_VERSION = 1;

const count = z.int().min(0);
const name = z.string().min(1).max(200);
const digest = z.string().max(128);
/** JSON has no word for what is not finite: such a loss travels as null, and ends the run as diverged. */
const loss = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const milliseconds = z.number().min(0);

/** The run this message belongs to; a message of another run is never applied. */
const run = z.string().min(1).max(64);
/** Number of the coordinator's life within the run: an answer to an earlier life is stale. */
const term = z.int().min(1);
/** The membership epoch under which the message was sent. */
const membership = count;
const envelope = { run, term, membership };

const errorKind = z.enum([
  'usage',
  'data',
  'unavailable',
  'internal',
  'locked',
  'io',
  'retry',
  'protocol',
  'unauthorised',
  'config',
]);
/** Longest text about a failure, and longest stack; senders cut theirs. */
export const TEXT_LENGTH_MAX = 4_000;
export const STACK_LENGTH_MAX = 20_000;
const text = z.string().max(TEXT_LENGTH_MAX);
const failure = z.strictObject({ kind: errorKind, what: text, hint: text });

export const workerMessageSchema = z.discriminatedUnion('type', [
  /** First word of every process; `run` is null unless the worker was started for one run. */
  z.strictObject({
    type: z.literal('hello'),
    protocolVersion: z.int(),
    softwareVersion: name,
    run: run.nullable(),
    host: name,
    pid: count,
  }),
  /** The engine is loaded and agrees with the configuration; no weights yet. */
  z.strictObject({
    type: z.literal('ready'),
    ...envelope,
    fingerprint: digest,
    layoutDigest: digest,
    computeClass: name,
    engine: name,
    device: name,
  }),
  /** A replica was loaded: the worker can compute step `step`. */
  z.strictObject({ type: z.literal('synced'), ...envelope, step: count, digest }),
  z.strictObject({ type: z.literal('heartbeat'), ...envelope, step: count }),
  /** Loss sum, character count and gradient SUM of one shard. Payload: the gradient, float32. */
  z.strictObject({
    type: z.literal('gradient'),
    ...envelope,
    step: count,
    shard: count,
    attempt: count,
    lossSum: loss,
    characters: count,
    computeMs: milliseconds,
  }),
  /** The update of `step` is applied; `digest` of the weights after it, when one was asked for. */
  z.strictObject({ type: z.literal('applied'), ...envelope, step: count, digest: digest.nullable() }),
  /** The replica before step `step`. Payload: weights, then the optimizer's slots in the order of `slots`. */
  z.strictObject({
    type: z.literal('snapshot'),
    ...envelope,
    step: count,
    optimizerSteps: count,
    slots: z.array(name).max(16).readonly(),
    digest,
  }),
  z.strictObject({
    type: z.literal('evaluated'),
    ...envelope,
    evaluation: count,
    index: count,
    lossSum: loss,
    characters: count,
  }),
  /** Payload: the ids that were drawn, int32. */
  z.strictObject({ type: z.literal('sampled'), ...envelope }),
  /** The worker goes because it was told to from outside; not a failure. */
  z.strictObject({ type: z.literal('leave'), ...envelope }),
  /** The worker cannot go on; the last thing it says. */
  z.strictObject({ type: z.literal('failed'), run: run.nullable(), failure, stack: z.string().max(STACK_LENGTH_MAX) }),
]);

export const coordinatorMessageSchema = z.discriminatedUnion('type', [
  /** The worker is admitted: it loads its engine for this configuration. */
  z.strictObject({
    type: z.literal('welcome'),
    ...envelope,
    slot: count,
    config: z.unknown(),
    fingerprint: digest,
    layoutDigest: digest,
  }),
  z.strictObject({ type: z.literal('refuse'), failure }),
  /** Weights and optimizer state before step `step`. Payload as of `snapshot`. */
  z.strictObject({
    type: z.literal('replica'),
    ...envelope,
    step: count,
    optimizerSteps: count,
    slots: z.array(name).max(16).readonly(),
  }),
  /** Compute one shard. Payload: its windows, int32, rows x (sequence length + 1). */
  z.strictObject({ type: z.literal('assign'), ...envelope, step: count, shard: count, attempt: count, rows: count }),
  /** Apply the mean gradient of `step`. Payload: the gradient, float32. */
  z.strictObject({
    type: z.literal('update'),
    ...envelope,
    step: count,
    learningRate: z.number().positive(),
    digest: z.boolean(),
  }),
  z.strictObject({ type: z.literal('snapshot-request'), ...envelope, step: count }),
  /** Loss only. Payload: windows, int32. */
  z.strictObject({ type: z.literal('evaluate'), ...envelope, evaluation: count, index: count, rows: count }),
  z.strictObject({
    type: z.literal('sample'),
    ...envelope,
    prime: z.array(count).min(1).max(100_000).readonly(),
    length: count,
    temperature: z.number().min(0),
    seed: count,
  }),
  z.strictObject({ type: z.literal('heartbeat'), ...envelope, step: count }),
  /** The run is over for this worker, for a reason that only the coordinator decides. */
  z.strictObject({
    type: z.literal('stop'),
    run,
    reason: z.enum(['done', 'stopped', 'failed', 'dropped']),
    detail: text,
  }),
]);

export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>;
export type Failure = z.infer<typeof failure>;

/** How many payload frames each message carries; anything else is refused before it is looked at. */
export function payloadFrameCount(message: WorkerMessage | CoordinatorMessage): number {
  switch (message.type) {
    case 'gradient':
    case 'sampled':
    case 'assign':
    case 'update':
    case 'evaluate':
      return 1;
    case 'snapshot':
    case 'replica':
      return 1 + message.slots.length;
    default:
      return 0;
  }
}
