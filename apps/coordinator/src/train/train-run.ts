/**
 * `lockstep train`, put together: a run directory, a bound address, local workers, the coordinator's loop, and the
 * ways in which it ends. Nothing is started before everything that can be checked has been checked.
 */
import { LIMITS, setOrDefault } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { acquireRunLock, openJournal, ownIdentity, writeRunConfig } from '@lockstep/checkpoint';
import { createOptimizer, optimizerSpec } from '@lockstep/optimizer';
import { CoordinatorLoop } from '@lockstep/runtime';
import type { Replica, ServerTransport } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import { systemClock } from '@lockstep/worker';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { conclude } from './conclude.js';
import { coordinatorSettings } from './coordinator-settings.js';
import type { RunSummary, RunView } from './events.js';
import { LocalWorkers } from './local-workers.js';
import type { RunPlan } from './plan-run.js';
import { createRunDirectory, prepareRunDirectory } from './run-directory.js';
import type { RunDirectory } from './run-directory.js';
import { RunObserver, startEvent } from './run-events.js';
import { RunStatusWriter } from './run-status.js';
import type { RunFacts } from './run-status.js';
import { DirectoryStore } from './run-store.js';
import { StopSignals } from './stop-signals.js';

export interface TrainRunOptions {
  readonly values: OptionValues<TrainOptions>;
  readonly plan: RunPlan;
  readonly engine: { readonly label: string; readonly device: string; readonly gpus: number };
  readonly view: RunView;
}

/** Heartbeats and requests that may wait for one worker beside its shards. */
const OTHER_MESSAGES_MAX = 256;

/** The largest that travels in one frame: a vector of the model, the windows of a whole batch, a sample, a header. */
function maxFrameBytes(plan: RunPlan, sampleLength: number): number {
  const { batchSize, sequenceLength } = plan.config;
  const values = Math.max(plan.layout.length, batchSize * (sequenceLength + 1), sampleLength);
  return Math.max(values * Float32Array.BYTES_PER_ELEMENT, LIMITS.headerLengthBytes);
}

/** The first weights, and the state of an optimizer that has not made a step. */
function initialReplica(plan: RunPlan): Replica {
  const { slots, steps } = createOptimizer(optimizerSpec(plan.config), plan.layout.length);
  return {
    step: 0,
    optimizerSteps: steps,
    slots: Object.keys(slots),
    vectors: [plan.weights, ...Object.values(slots)],
  };
}

/** Runs to the end. Returns the summary; throws what ended the run otherwise. */
export async function trainRun(options: TrainRunOptions): Promise<RunSummary> {
  const { values, plan, view } = options;
  const runId = randomUUID();
  // Before any folder is made: an address that cannot be had leaves nothing behind.
  const transport = await bindZeroMQServer({
    endpoint: setOrDefault(values, 'bind'),
    maxFrameBytes: maxFrameBytes(plan, setOrDefault(values, 'sampleLength')),
    // One worker may be given all shards of a step at once, beside the update before it.
    sendQueue: { messagesMax: 2 * plan.shards.length + OTHER_MESSAGES_MAX },
  });
  try {
    const directory = await createRunDirectory(values.runDir, runId);
    const lock = await acquireRunLock(directory.path);
    try {
      await prepareRunDirectory(directory);
      await writeRunConfig(directory.path, plan.config);
      return await leadRun(options, runId, directory, transport);
    } finally {
      await lock.release();
    }
  } finally {
    view.close();
    await transport.close(LIMITS.lingerMs);
  }
}

async function leadRun(
  { values, plan, engine, view }: TrainRunOptions,
  runId: string,
  directory: RunDirectory,
  transport: ServerTransport,
): Promise<RunSummary> {
  const startedMs = performance.now();
  const first = initialReplica(plan);
  const journal = await openJournal(directory.paths.journal);
  const store = new DirectoryStore({
    plan,
    journal,
    checkpointsFolder: directory.paths.checkpoints,
    keep: setOrDefault(values, 'keep'),
    view,
  });
  const observer = new RunObserver(plan, view);
  const locals = new LocalWorkers({ count: plan.options.workers, gpus: engine.gpus, logsFolder: directory.paths.logs });
  const loop = new CoordinatorLoop(
    { transport, clock: systemClock, batches: plan.batches, store, observe: (report) => observer.observe(report) },
    {
      settings: await coordinatorSettings(values, plan, runId, locals.peers),
      initialReplica: first,
      gradientLength: plan.layout.length,
      clipNorm: plan.config.clipNorm ?? undefined,
    },
  );
  const status = new RunStatusWriter(
    directory.path,
    statusFacts(plan, engine.label, runId, transport.endpoint),
    () => ({
      state: loop.state,
      loss: store.lastLoss,
      charactersPerSecond: store.recentRate,
      secondsPerShard: observer.secondsPerShard,
    }),
  );
  const signals = new StopSignals(
    view,
    () => loop.requestStop(),
    () => locals.kill(),
  );
  try {
    view.show(startEvent(plan, engine, runId, directory, transport));
    await store.checkpoint(first);
    status.start();
    locals.start(transport.endpoint, runId, (peer, reason) => loop.peerGone(peer, reason));
    const outcome = await loop.run();
    await transport.close(LIMITS.lingerMs);
    await locals.stop();
    await journal.close();
    const parts = { plan, store, directory, view, runId, startedMs, observer, deaths: locals.deaths };
    const summary = await conclude(outcome, { ...parts, engine: engine.label });
    await status.stop(summary.result, null);
    return summary;
  } catch (error) {
    await status.stop('failed', error);
    throw error;
  } finally {
    signals.release();
    await locals.stop(0);
    await journal.close();
  }
}

function statusFacts(plan: RunPlan, engine: string, runId: string, endpoint: string): RunFacts {
  return {
    runId,
    host: hostname(),
    coordinator: ownIdentity(),
    endpoint,
    steps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    engine,
    shards: plan.shards.length,
  };
}
