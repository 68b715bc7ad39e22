/**
 * Everything that coordinator and workers say to each other. A message is one small header, checked against these
 * schemas on both sides, plus raw payload frames that the protocol never looks into: float32 vectors, or int32
 * character ids. Nothing on the wire is code.
 */
import { LIMITS } from '@lockstep/config';
import { z } from 'zod';

/**
 * Raised when a message changes its meaning; peers of another version are refused. There was no 3, 5 or 6: each is one
 * flipped bit away from an earlier one, and 3 and 5 from 1, whose messages had no checksum.
 */
export const PROTOCOL_VERSION = 8;

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
/** Most lines of its log that a worker ships, and the longest of them. */
export const LOG_LINES_MAX = 50;
export const LOG_LINE_LENGTH_MAX = 1_000;
const text = z.string().max(TEXT_LENGTH_MAX);
const failure = z.strictObject({ kind: errorKind, what: text, hint: text });

/** More shards than a plan may have, and more workers than an exchange may. */
const SHARDS_MAX = 1_024;
const MEMBERS_MAX = 1_024;
/** Norm blocks of a vector of a gigabyte. */
const BLOCKS_MAX = 1 << 13;

const peer = z.string().min(1).max(200);
const endpoint = z.string().min(1).max(300);
const sharing = z.string().min(1).max(300);
/** Number of an attempt to sum a step's gradients among the workers; never used twice within a term. */
const exchange = count;

/** What the journal says of a step beside the weights digest: every replica keeps it until it is journalled. */
const stepRecord = z.strictObject({
  step: count,
  loss: z.number(),
  characters: count,
  gradientNorm: z.number().min(0),
  seconds: z.number().min(0),
  /** Digest of the gradient of each shard of the plan, by shard index. */
  shardDigests: z.array(digest).min(1).max(SHARDS_MAX).readonly(),
});

/** What a worker is doing, for the coordinator to say where a slow one hangs. */
const activity = z.enum([
  'idle',
  'preparing',
  'loading',
  'computing',
  'exchanging',
  'applying',
  'snapshot',
  'evaluating',
  'sampling',
]);

/** Identity of one coordinator process: two lives never share one, whatever their terms say. */
const incarnation = z.string().min(1).max(64);

const replicaPart = {
  step: count,
  optimizerSteps: count,
  slots: z.array(name).max(16).readonly(),
  /** Of the weights alone. */
  digest,
  part: count,
  parts: z
    .int()
    .min(1)
    .max(1 << 20),
};

export const workerMessageSchema = z.discriminatedUnion('type', [
  /** First word of every process; `run` is null unless the worker was started for one run. */
  z.strictObject({
    type: z.literal('hello'),
    protocolVersion: z.int(),
    softwareVersion: name,
    run: run.nullable(),
    /** Coordinator whose messages were obeyed last, and its term; null before the first welcome. */
    obeyed: z.strictObject({ term, incarnation }).nullable(),
    /** Stays the same over restarts of a worker: what a crash loop is counted by. */
    name,
    /** Whoever started this worker restarts it, with back-off. */
    supervised: z.boolean(),
    host: name,
    pid: count,
  }),
  /** The engine is loaded and agrees with the configuration. */
  z.strictObject({
    type: z.literal('ready'),
    ...envelope,
    fingerprint: digest,
    layoutDigest: digest,
    computeClass: name,
    engine: name,
    device: name,
    /** Where other workers reach this one; null when it takes part in no exchange. */
    endpoint: endpoint.nullable(),
    /** Names the machine, for those on the same one to share memory; null when it shares none. */
    sharing: sharing.nullable(),
    /** What this process still holds from an earlier conversation: weights with `step` updates applied. */
    replica: z.strictObject({ step: count, digest }).nullable(),
    /** Steps that the replica has applied and that may be missing in the journal, ascending. */
    records: z
      .array(stepRecord)
      .max(LIMITS.unjournalledSteps * 2)
      .readonly(),
  }),
  /** A replica was loaded: the worker can compute step `step`. */
  z.strictObject({ type: z.literal('synced'), ...envelope, step: count, digest }),
  z.strictObject({ type: z.literal('heartbeat'), ...envelope, step: count, activity }),
  /**
   * Loss sum, character count and gradient SUM of one shard. Payload: the gradient in the run's wire format; none when
   * the worker was told to hold it.
   */
  z.strictObject({
    type: z.literal('gradient'),
    ...envelope,
    step: count,
    shard: count,
    attempt: count,
    lossSum: loss,
    characters: count,
    computeMs: milliseconds,
    /** Digest, taken afterwards, of the weights it was computed from; when one was asked for. */
    weightsDigest: digest.nullable(),
    /** Of a gradient that is held: digest of its bytes, and whether all values are finite. Null when it is shipped. */
    held: z.strictObject({ digest, finite: z.boolean() }).nullable(),
  }),
  /** The gradient that was held, and is not any more. Payload: the gradient in the run's wire format. */
  z.strictObject({ type: z.literal('shipped'), ...envelope, step: count, shard: count, attempt: count }),
  /** This worker holds the mean gradient of the step, and has summed its own slice of it. */
  z.strictObject({
    type: z.literal('exchanged'),
    ...envelope,
    step: count,
    exchange,
    /** Sums of the squares of the values in each norm block of its slice, before clipping. */
    squares: z.array(loss).max(BLOCKS_MAX).readonly(),
  }),
  /** The exchange cannot be finished: what went from or to this peer is lost or damaged. */
  z.strictObject({ type: z.literal('exchange-broken'), ...envelope, step: count, exchange, peer, reason: text }),
  /** Nothing has come for a while, and this is still awaited from these peers. */
  z.strictObject({
    type: z.literal('exchange-waits'),
    ...envelope,
    step: count,
    exchange,
    missing: z.array(peer).max(MEMBERS_MAX).readonly(),
  }),
  /** The update of `step` is applied; `digest` of the weights after it, when one was asked for. */
  z.strictObject({ type: z.literal('applied'), ...envelope, step: count, digest: digest.nullable() }),
  /**
   * One part of the replica before step `step`. The parts, in order, are the weights and then the optimizer's slots in
   * the order of `slots`, cut every `LIMITS.replicaPartBytes`. Payload: the part.
   */
  z.strictObject({ type: z.literal('snapshot'), ...envelope, ...replicaPart }),
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
  /** The worker was told from outside to go; it goes when it is told `drained`. Not a failure. */
  z.strictObject({ type: z.literal('leave'), ...envelope }),
  /** The worker cannot go on; the last thing it says. `log` has the last lines of its log, for people. */
  z.strictObject({
    type: z.literal('failed'),
    run: run.nullable(),
    failure,
    stack: z.string().max(STACK_LENGTH_MAX),
    log: z.array(z.string().max(LOG_LINE_LENGTH_MAX)).max(LOG_LINES_MAX).readonly(),
  }),
]);

export const coordinatorMessageSchema = z.discriminatedUnion('type', [
  /** The worker is admitted: it loads its engine for this configuration. */
  z.strictObject({
    type: z.literal('welcome'),
    ...envelope,
    incarnation,
    slot: count,
    config: z.unknown(),
    fingerprint: digest,
    layoutDigest: digest,
    /** Whether other workers may have to reach this one. */
    mesh: z.boolean(),
  }),
  z.strictObject({ type: z.literal('refuse'), failure }),
  /** Not yet: the worker has failed too often lately. It says hello again when this time is over. */
  z.strictObject({ type: z.literal('wait'), run, seconds: z.number().min(0).max(3600), detail: text }),
  /** One part of the weights and the optimizer state before step `step`. Payload as of `snapshot`. */
  z.strictObject({ type: z.literal('replica'), ...envelope, ...replicaPart }),
  /** Compute one shard. Payload: its windows, int32, rows x (sequence length + 1). */
  z.strictObject({
    type: z.literal('assign'),
    ...envelope,
    step: count,
    shard: count,
    attempt: count,
    rows: count,
    digest: z.boolean(),
    /** Whether the gradient is shipped with the answer; otherwise it is held, until asked for or for an exchange. */
    ship: z.boolean(),
  }),
  /** There is room for the gradient of this shard: it is to be shipped now. */
  z.strictObject({ type: z.literal('ship'), ...envelope, step: count, shard: count, attempt: count }),
  /**
   * Sum the gradients of the step among these workers: each sums one slice of the vector and gives it to the others.
   */
  z.strictObject({
    type: z.literal('exchange'),
    ...envelope,
    step: count,
    exchange,
    /** In the order of their slices. */
    members: z
      .array(z.strictObject({ peer, endpoint, sharing: sharing.nullable() }))
      .min(1)
      .max(MEMBERS_MAX)
      .readonly(),
    /** For each shard the place among the members of the one whose gradient counts. */
    holders: z.array(count).min(1).max(SHARDS_MAX).readonly(),
    /** Values in a gradient, and the form in which those of a single shard travel. */
    length: count,
    wire: z.enum(['float32', 'bfloat16']),
    /** In the whole batch. */
    characters: count,
  }),
  /**
   * Apply the mean gradient of `step`. Payload: the gradient, float32; none when it comes from an exchange, after which
   * each value is multiplied by `scale`.
   */
  z.strictObject({
    type: z.literal('update'),
    ...envelope,
    step: count,
    learningRate: z.number().positive(),
    exchange: exchange.nullable(),
    scale: z.number().positive(),
    digest: z.boolean(),
    record: stepRecord,
    /** Steps that are durable in the journal: records of these may be forgotten. */
    journalled: count,
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
    reason: z.enum(['done', 'stopped', 'failed', 'dropped', 'drained', 'quarantined']),
    detail: text,
  }),
]);

/**
 * What workers say to each other: some values of a vector that are needed elsewhere. Payload: the values, float32, or
 * in the wire format of the exchange where they are a part of one shard.
 */
export const peerMessageSchema = z.strictObject({
  type: z.literal('piece'),
  run,
  term,
  exchange,
  /** Place of the sender among the members. */
  from: count,
  /** `part`: for the owner of the slice to sum; `mean`: the finished values, from the owner of the slice. */
  kind: z.enum(['part', 'mean']),
  /** Index of the first value in the vector. */
  start: count,
  /** Of a part: it is the sum over the shards [firstShard, endShard), a node of the tree. */
  firstShard: count,
  endShard: count,
  /** Where the values lie, float32, in memory that sender and receiver share; null when they are the payload. */
  place: z
    .strictObject({ path: z.string().max(300), token: z.string().max(64), offset: count, lengthBytes: count })
    .nullable(),
});

export type PeerMessage = z.infer<typeof peerMessageSchema>;
export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>;
export type Failure = z.infer<typeof failure>;
export type StepRecord = z.infer<typeof stepRecord>;
export type Activity = z.infer<typeof activity>;

/**
 * Place of a message in the talk of two peers. Every message of either side carries it, so that what is late, doubled
 * or missing is known for what it is.
 */
export const stampSchema = z.strictObject({
  /** Raised by the worker at each hello; messages of an earlier conversation are stale. */
  conversation: count,
  /** Counts the messages of one side from 0 within a conversation: no number is missing, none comes twice. */
  sequence: count,
});
export type Stamp = z.infer<typeof stampSchema>;

/**
 * How long a worker took for what it answers, in its own time. It goes beside the message, because no rule may depend
 * on it: it is for profiles.
 */
export const timesSchema = z.strictObject({
  /** From the arrival of the order to the beginning of the work: what was ordered before came first. */
  waitedMs: milliseconds,
  workedMs: milliseconds,
});
export type Times = z.infer<typeof timesSchema>;

/** How a worker process fares. Beside the message as well: it is for people who watch. */
export const vitalsSchema = z.strictObject({
  residentBytes: z.number().min(0),
  /** Processor time since its start, of all its threads. */
  cpuSeconds: z.number().min(0),
  /** Where it serves metrics of its own; null when it does not. */
  metrics: z.string().min(1).max(300).nullable(),
});
export type Vitals = z.infer<typeof vitalsSchema>;

/** What goes beside a message. */
export interface Beside {
  readonly times?: Times | undefined;
  readonly vitals?: Vitals | undefined;
}

/** How many payload frames each message carries; anything else is refused before it is looked at. */
export function payloadFrameCount(message: WorkerMessage | CoordinatorMessage | PeerMessage): number {
  switch (message.type) {
    case 'gradient':
      return message.held === null ? 1 : 0;
    case 'update':
      return message.exchange === null ? 1 : 0;
    case 'piece':
      return message.place === null ? 1 : 0;
    case 'shipped':
    case 'sampled':
    case 'assign':
    case 'evaluate':
    case 'snapshot':
    case 'replica':
      return 1;
    default:
      return 0;
  }
}
