/**
 * The contract of `lockstep train --json` and of the event record: every event that a program may read, with what its
 * fields mean. Types, docs/events.md and docs/events.schema.json are made from it. Fields and events may be added in
 * the same version, so that readers must pass over what they do not know; none changes its name, type or meaning.
 */
import { runConfigSchema } from '@lockstep/config';
import { MISMATCHES, REJECTIONS } from '@lockstep/protocol';
import { z } from 'zod';

export const EVENTS_CONTRACT = 'lockstep events 1';

const text = (description: string): z.ZodString => z.string().meta({ description });
const flag = (description: string): z.ZodBoolean => z.boolean().meta({ description });
const count = (unit: string, description: string): z.ZodInt => z.int().nonnegative().meta({ description, unit });
const amount = (unit: string, description: string): z.ZodNumber => z.number().nonnegative().meta({ description, unit });

const LOSS = 'nats a character';
const RATE = 'characters a second';

const slot = z.int().nonnegative().meta({ description: 'Number of the worker in the run', unit: 'slot, from 0' });
const madeSteps = (description: string): z.ZodInt => count('steps', description);

export const runSummarySchema = z.object({
  runId: text('Id of the run'),
  result: z.enum(['done', 'stopped']).meta({ description: 'Whether it made all its steps, or was told to end before' }),
  steps: madeSteps('Steps that the final weights have behind them'),
  characters: count('characters', 'Characters that were predicted in all steps'),
  epochMeanLoss: z
    .array(z.number())
    .readonly()
    .meta({ description: 'Mean training loss of each epoch; the last may be of a part of one', unit: LOSS }),
  validationLoss: z.number().nullable().meta({ description: 'The latest; null when none was taken', unit: LOSS }),
  weightsSha256: text('SHA-256 of the final weights, in hexadecimal'),
  charactersPerSecond: amount(RATE, 'Over all committed steps, without pauses'),
  engine: text('What computed, in words'),
  workers: count('workers', 'Local workers asked for, or all that took part where that is more'),
  shards: count('shards', 'Shards of a batch at the end'),
  wallSeconds: amount('seconds', 'From the start of `lockstep train` to its end'),
});

const start = z
  .object({
    event: z.literal('start'),
    contract: z.literal(EVENTS_CONTRACT).meta({ description: 'Name and version of this contract' }),
    runId: text('Id of the run, kept when it is resumed'),
    runDirectory: text('Run directory, as it was given'),
    endpoint: text('Address for workers'),
    preset: text('Preset that sizes and duration were taken from'),
    presetChosen: flag('Whether lockstep chose the preset'),
    engine: text('What computes, in words'),
    device: text('`cpu` or `gpu`'),
    workers: count('workers', 'Local workers asked for; 0 waits for workers from elsewhere'),
    minWorkers: count('workers', 'Workers that must be ready before the first step'),
    totalSteps: madeSteps('Steps at which the run ends'),
    stepsPerEpoch: madeSteps('Steps of one pass over the text'),
    parameters: count('weights', 'Size of the model'),
    config: runConfigSchema.meta({ description: 'All that decides the result; the same as config.json' }),
    resumedAt: z
      .int()
      .nonnegative()
      .nullable()
      .meta({ description: 'Steps that the run had made before; null when it begins', unit: 'steps' }),
  })
  .meta({ description: 'The run begins or goes on; the event record has one for each life of the coordinator.' });

const worker = z
  .object({
    event: z.literal('worker'),
    worker: slot,
    status: text(
      '`preparing` (loads its engine), `waiting`, `syncing` (gets weights), `ready`, `behind`, `left` or `gone` (lost)',
    ),
    detail: text('Name, process and machine of one that prepares; why one has gone; may be empty'),
  })
  .meta({ description: 'A worker has joined, changed its state or gone.' });

const step = z
  .object({
    event: z.literal('step'),
    step: z.int().positive().meta({ description: 'Number of the step', unit: 'step, from 1' }),
    epoch: z.int().nonnegative().meta({ description: 'Pass over the text that it belongs to', unit: 'epoch, from 0' }),
    loss: z.number().meta({ description: 'Mean cross-entropy over its batch', unit: LOSS }),
    gradientNorm: amount('norm', 'Global norm of the mean gradient, before it is clipped'),
    characters: count('characters', 'Characters that the loss is the mean of'),
    seconds: amount('seconds', 'From the first assignment of its shards until all of them were summed'),
    charactersPerSecond: amount(RATE, 'Over the latest steps'),
    weightsDigest: z
      .string()
      .nullable()
      .meta({ description: 'xxh64 of the weights after it, in hexadecimal; null where none was taken' }),
  })
  .meta({ description: 'A step is committed: its line is in the journal, on the disk.' });

const validation = z
  .object({
    event: z.literal('validation'),
    step: madeSteps('Steps that the weights had behind them'),
    loss: z.number().meta({ description: 'Mean cross-entropy over the text held out', unit: LOSS }),
    characters: count('characters', 'Characters that the loss is the mean of'),
  })
  .meta({ description: 'The validation loss was taken.' });

const checkpoint = z
  .object({
    event: z.literal('checkpoint'),
    step: madeSteps('Steps that its weights have behind them'),
    path: text('Folder of the checkpoint'),
  })
  .meta({ description: 'A checkpoint is on the disk, whole.' });

const rejected = z
  .object({
    event: z.literal('rejected'),
    worker: slot.nullable().meta({ description: 'Who sent it; null for a stranger', unit: 'slot, from 0' }),
    reason: z.enum(REJECTIONS).meta({ description: 'Why, in one word' }),
    detail: text('What it was; may be empty'),
  })
  .meta({ description: 'A message was not applied. `late` is ordinary where several workers compute one shard.' });

const late = z
  .object({
    event: z.literal('late'),
    worker: slot,
    name: text('Name of the worker'),
    host: text('Its machine'),
    step: z.int().positive().meta({ description: 'The step that waits', unit: 'step, from 1' }),
    activity: text('What it last said it was doing; `silent` when its heartbeats have stopped, too'),
    waitedSeconds: amount('seconds', 'How long it has had its shard'),
    medians: amount('median times of a shard', 'The same as a multiple of what others take'),
  })
  .meta({ description: 'A worker takes much longer than the others, who do its work too.' });

const recovered = z
  .object({
    event: z.literal('recovered'),
    from: z.enum(['replicas', 'checkpoint']).meta({ description: 'Where the weights come from' }),
    step: madeSteps('Steps that these weights have behind them'),
    replayUntil: madeSteps('Up to here steps are computed again and compared with the journal'),
  })
  .meta({
    description: 'The run goes on after a restart of the coordinator, or after nobody seemed to hold the weights.',
  });

const topology = z
  .object({
    event: z.literal('topology'),
    topology: z.enum(['star', 'mesh']).meta({ description: 'Whether the coordinator sums, or the workers themselves' }),
    why: text('Reasons, with figures'),
  })
  .meta({ description: 'How gradients are summed from now on.' });

const plan = z
  .object({
    event: z.literal('plan'),
    fromStep: z.int().positive().meta({ description: 'First step that is cut so', unit: 'step, from 1' }),
    shards: count('shards', 'Shards of a batch'),
  })
  .meta({ description: 'Batches are cut into another number of shards.' });

const quarantined = z
  .object({
    event: z.literal('quarantined'),
    name: text('Name of the worker'),
    detail: text('Why'),
  })
  .meta({ description: 'A worker is not let in again.' });

const coordinator = z
  .object({
    event: z.literal('coordinator'),
    status: z.enum(['lost', 'started']).meta({ description: 'Whether its process has ended, or the next one leads' }),
    term: z
      .int()
      .positive()
      .nullable()
      .meta({ description: 'Which life of it; null for one that was lost before it led', unit: 'term, from 1' }),
    detail: text('How the one before ended'),
    downSeconds: amount('seconds', 'How long nobody has led until now'),
  })
  .meta({ description: 'The coordinator ended in the middle of the run; `started`: the next one leads.' });

const notice = z
  .object({ event: z.literal('notice'), text: text('For people; its words may change') })
  .meta({ description: 'Something that is good to know.' });

/** A worker by its number, and the name it keeps over restarts. */
export const namedWorkerSchema = z.object({
  worker: slot.nullable().meta({ description: 'Null for one that never had a number', unit: 'slot, from 0' }),
  name: text('The name it keeps over restarts'),
});

const failure = z
  .object({
    event: z.literal('failure'),
    worker: slot.nullable().meta({ description: 'Null for one that never joined', unit: 'slot, from 0' }),
    name: text('The name it keeps over restarts'),
    host: text('Its machine'),
    pid: count('process id', 'Of the process that failed'),
    at: z.iso.datetime().meta({ description: 'When the first sign of it was seen, UTC' }),
    what: text('What went wrong, in its own words where it said any'),
    stack: text('Empty where it left none'),
    log: z.array(z.string()).readonly().meta({ description: 'The last lines of its log' }),
    times: count('failures', 'How often this worker failed so, over restarts'),
    same: z
      .array(namedWorkerSchema)
      .readonly()
      .meta({ description: 'Other workers that said the same, but for numbers and paths' }),
    others: z
      .array(z.object({ workers: z.array(namedWorkerSchema).readonly(), what: text('What those said') }))
      .readonly()
      .meta({ description: 'Workers that said something else' }),
    runDirectory: text('Where the logs are'),
  })
  .meta({ description: 'A run that fails says which worker failed first, and what it said last.' });

const mismatch = z
  .object({
    event: z.literal('mismatch'),
    kind: z.enum(MISMATCHES).meta({
      description:
        'Weights of replicas, a step that is computed again and its line in the journal, or the answers of two ' +
        'workers to one shard',
    }),
    text: text('For people; its words may change'),
  })
  .meta({ description: 'Bits differ that should be equal; what follows from it is told beside.' });

const warning = z
  .object({
    event: z.literal('warning'),
    text: text('For people; its words may change'),
    disk: z.enum(['journal', 'checkpoint']).optional().meta({ description: 'What the disk refused, if it did' }),
  })
  .meta({ description: 'Something that somebody should look at.' });

const sample = z
  .object({
    event: z.literal('sample'),
    step: madeSteps('Whose weights wrote it'),
    isLast: flag('Whether it is the one at the end of the run'),
    prime: text('Beginning of the text of the run, which the model goes on from'),
    text: text('What it wrote'),
  })
  .meta({ description: 'The model wrote a text: now and then, and at the end of a run that has made all its steps.' });

const summary = z
  .object({
    event: z.literal('summary'),
    summary: runSummarySchema.meta({ description: 'How it ended; the same as summary.json' }),
    runDirectory: text('Run directory, as it was given'),
    checkpoint: text('Folder of the final checkpoint'),
    next: z.array(z.string()).readonly().meta({ description: 'Commands that make sense now' }),
  })
  .meta({ description: 'The run has ended well. Nothing follows.' });

const failed = z
  .object({
    event: z.literal('failed'),
    kind: text('One word for the kind of failure, such as `retry`, `io`, `data` or `internal`'),
    exitCode: count('exit code', 'What `lockstep train` ends with'),
    detail: text('What went wrong'),
    hint: text('What one can do'),
  })
  .meta({
    description:
      'The run has ended by a failure, which standard error tells too. In the event record its next life may follow.',
  });

export const runEventSchema = z.discriminatedUnion('event', [
  start,
  worker,
  step,
  validation,
  checkpoint,
  rejected,
  late,
  recovered,
  topology,
  plan,
  quarantined,
  coordinator,
  failure,
  mismatch,
  notice,
  warning,
  sample,
  summary,
  failed,
]);

/** What the event record says of each event beside the event itself. */
export const recordStampSchema = z.object({
  at: z.iso.datetime().meta({ description: "When it happened, by the coordinator's clock on the wall, UTC" }),
  committed: madeSteps('Steps that were in the journal then'),
  repeated: z
    .int()
    .positive()
    .optional()
    .meta({ description: 'Stands for so many like it, this one among them', unit: 'events' }),
});
