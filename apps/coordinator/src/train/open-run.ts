/**
 * Everything between being told to lead a run and leading it: the plan, the bound address, the locked run directory.
 * A new run is checked before anything is written; a run that goes on is locked before anything is read.
 */
import {
  acquireRunLock,
  latestGoodCheckpoint,
  makeDirectory,
  readHistory,
  readRunFile,
  runPaths,
  writeRunConfig,
  writeRunOptions,
} from '@lockstep/checkpoint';
import type { RunLock } from '@lockstep/checkpoint';
import { LIMITS, LockstepError, setOrDefault, toLockstepError } from '@lockstep/config';
import type { ServerTransport } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Assignment } from '../supervise/messages.js';
import { checkConfigUnaltered, checkHasCheckpoints, checkHasJournal } from './check-run.js';
import type { RunSummary, RunView } from './events.js';
import { concludeAgain } from './conclude.js';
import { insist } from './insist.js';
import { planRun } from './plan-run.js';
import type { KnownRun, RunPlan } from './plan-run.js';
import { readRunConfig } from './read-config.js';
import { checkIsEmpty, createRunDirectory } from './run-directory.js';
import type { RunDirectory } from './run-directory.js';
import { optionsToStore } from '../supervise/stored-options.js';

export interface OpenedRun {
  readonly plan: RunPlan;
  readonly directory: RunDirectory;
  readonly lock: RunLock;
  readonly transport: ServerTransport;
}

/** A run that is over, and asked for no more. */
export interface FinishedRun {
  readonly finished: RunSummary;
}

export type FaultPoint = (point: string, about: { readonly step?: number; readonly shard?: number }) => void;

/** Heartbeats and requests that may wait for one worker beside its shards. */
const OTHER_MESSAGES_MAX = 256;
/** A socket of the life before may hold the address for a moment. */
const BIND_AGAIN_MS = 5_000;
const BIND_EVERY_MS = 100;

interface Opening {
  readonly assignment: Assignment;
  readonly view: RunView;
  /** Aborted when the user wants the run to end: a disk that refuses is not waited for any longer. */
  readonly stop: AbortSignal;
  readonly faultPoint?: FaultPoint | undefined;
}

/** @throws LockstepError naming what does not fit; nothing of a new run is left behind then */
export async function openRun(opening: Opening): Promise<OpenedRun | FinishedRun> {
  return opening.assignment.begins === 'new' ? openNew(opening) : openBegun(opening);
}

async function openNew({ assignment, view, faultPoint }: Opening): Promise<OpenedRun> {
  const { values, engine } = assignment;
  const plan = await planRun(values, engine.facts);
  if (plan.unknownCharacters > 0) {
    const text = `the checkpoint does not know ${plan.unknownCharacters} characters of this text`;
    view.show({ event: 'warning', text });
  }
  faultPoint?.('C0', {});
  // Before any folder is made: an address that cannot be had leaves nothing behind.
  const transport = await bind(assignment, plan);
  try {
    const directory = await createRunDirectory(assignment.directory);
    const lock = await acquireRunLock(directory.path);
    try {
      await checkIsEmpty(directory, assignment.begins === 'again');
      await furnish(directory, assignment, plan);
      return { plan, directory, lock, transport };
    } catch (thrown) {
      await lock.release();
      throw thrown;
    }
  } catch (thrown) {
    await transport.close(0);
    throw thrown;
  }
}

async function openBegun(opening: Opening): Promise<OpenedRun | FinishedRun> {
  const { assignment, view, stop, faultPoint } = opening;
  const { values, engine, begins } = assignment;
  const directory = { path: assignment.directory, paths: runPaths(assignment.directory) };
  // A coordinator that died before it had written the configuration has left nothing to go on with.
  if (begins === 'again' && !existsSync(directory.paths.config)) return openNew(opening);
  const lock = await insist(() => acquireRunLock(directory.path), view, stop);
  try {
    await checkHasJournal(directory);
    // Workers of a coordinator that has just died may hold the weights.
    if (begins === 'resumed') await checkHasCheckpoints(directory);
    const plan = await planRun(values, engine.facts, await knownRun(directory));
    if (begins === 'resumed') {
      const finished = await finishedRun(directory, plan, view);
      if (finished !== null) {
        await lock.release();
        return { finished };
      }
    }
    faultPoint?.('C0', {});
    const transport = await bind(assignment, plan);
    try {
      await insist(() => furnish(directory, assignment, plan), view, stop);
      return { plan, directory, lock, transport };
    } catch (thrown) {
      await transport.close(0);
      throw thrown;
    }
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/**
 * The summary of a run that has made all its steps, shown again; null when there is something to do.
 * @throws LockstepError `usage` when it has made more steps than it is asked for
 */
async function finishedRun(directory: RunDirectory, plan: RunPlan, view: RunView): Promise<RunSummary | null> {
  const { paths, path } = directory;
  const made = existsSync(paths.journal) ? (await readHistory(paths.journal)).steps.length : 0;
  if (plan.totalSteps < made) {
    const what = `the run in ${path} has made ${made} steps already, more than the ${plan.totalSteps} asked for`;
    throw new LockstepError('usage', what, `give --steps ${made} or more, or none`);
  }
  if (plan.totalSteps > made || !existsSync(paths.run) || (await readRunFile(path)).state !== 'done') return null;
  return concludeAgain(plan, directory, view);
}

/** The small files that say what the run is; the configuration last, for with it the run has begun. */
async function furnish(directory: RunDirectory, { runId, values }: Assignment, plan: RunPlan): Promise<void> {
  await makeDirectory(directory.paths.logs);
  await writeRunOptions(directory.path, optionsToStore(runId, values, plan.options));
  await writeRunConfig(directory.path, plan.config);
}

async function knownRun(directory: RunDirectory): Promise<KnownRun> {
  const { paths } = directory;
  const config = await readRunConfig(paths.config);
  await checkConfigUnaltered(directory, config);
  // The vocabulary follows from the text, unless the run began from a checkpoint of another one.
  if (config.initFrom === null || !existsSync(paths.checkpoints)) return { config, vocabulary: null };
  const { checkpoint } = await latestGoodCheckpoint(paths.checkpoints, {});
  return { config, vocabulary: checkpoint?.vocabulary ?? null };
}

/** The largest that travels in one frame: gradient, windows of a batch, sample, header, part of a replica. */
function maxFrameBytes(plan: RunPlan, sampleLength: number): number {
  const { batchSize, sequenceLength } = plan.config;
  const values = Math.max(plan.layout.length, batchSize * (sequenceLength + 1), sampleLength);
  return Math.max(values * Float32Array.BYTES_PER_ELEMENT, LIMITS.headerLengthBytes, LIMITS.replicaPartBytes);
}

/** Binds the address of the life before where there was one, with some patience. */
async function bind({ values, endpoint, begins }: Assignment, plan: RunPlan): Promise<ServerTransport> {
  const asked = setOrDefault(values, 'bind');
  const bindTo = async (address: string): Promise<ServerTransport> =>
    bindZeroMQServer({
      endpoint: address,
      maxFrameBytes: maxFrameBytes(plan, setOrDefault(values, 'sampleLength')),
      // One worker may be given all shards of a step at once, beside the update before it.
      sendQueue: { messagesMax: 2 * plan.config.batchSize + OTHER_MESSAGES_MAX },
    });
  if (endpoint === null) return bindTo(asked);
  const deadlineMs = performance.now() + BIND_AGAIN_MS;
  const address = withPortOf(asked, endpoint);
  for (;;) {
    try {
      return await bindTo(address);
    } catch (thrown) {
      if (toLockstepError(thrown).kind !== 'unavailable') throw thrown;
      if (performance.now() > deadlineMs) {
        // Nobody was promised this port: workers of other machines would have been given one by name.
        if (begins === 'resumed' && address !== asked) return bindTo(asked);
        throw thrown;
      }
      await delay(BIND_EVERY_MS);
    }
  }
}

/** An address that leaves the port open, with the port that it was given last time. */
function withPortOf(asked: string, endpoint: string): string {
  const port = /:(\d+)$/.exec(endpoint)?.[1];
  return port === undefined ? asked : asked.replace(/:(0|\*)$/, `:${port}`);
}
