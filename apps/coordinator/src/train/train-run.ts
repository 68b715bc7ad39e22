/**
 * `lockstep train`, put together: a run directory, a bound address, local workers, the coordinator's loop, and the ways in which it ends. Nothing is
 * started before everything that can be checked has been checked.
 */
import { LIMITS, LockstepError, configFingerprint, setOrDefault } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { acquireRunLock, openJournal, ownIdentity, writeRunConfig, writeSummary } from '@lockstep/checkpoint';
import type { CoordinatorOutcome, CoordinatorSettings, Report } from '@lockstep/protocol';
import { bytesOf, createDigest } from '@lockstep/reduce';
import { CoordinatorLoop } from '@lockstep/runtime';
import type { Replica, ServerTransport } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import { systemClock } from '@lockstep/worker';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { RunEvent, RunSummary, RunView } from './events.js';
import { LocalWorkers } from './local-workers.js';
import type { RunPlan } from './plan-run.js';
import { createRunDirectory, prepareRunDirectory } from './run-directory.js';
import type { RunDirectory } from './run-directory.js';
import { DirectoryStore } from './run-store.js';
import { RunStatusWriter } from './run-status.js';
import { StopSignals } from './stop-signals.js';

export interface TrainRunOptions {
  readonly values: OptionValues<TrainOptions>;
  readonly plan: RunPlan;
  readonly engine: { readonly label: string; readonly device: string; readonly gpus: number };
  readonly view: RunView;
}

/** Gradient and header of the largest message, with room for neither more. */
function maxFrameBytes(plan: RunPlan): number {
  return Math.max(plan.layout.length * Float32Array.BYTES_PER_ELEMENT, LIMITS.headerLengthBytes);
}

function initialReplica(plan: RunPlan): Replica {
  const zeros = (): Float32Array => new Float32Array(plan.layout.length);
  const slots = plan.config.optimizer === 'adam' ? ['m', 'v'] : [];
  return { step: 0, optimizerSteps: 0, slots, vectors: [plan.weights, ...slots.map(zeros)] };
}

/** Runs to the end. Returns the summary; throws what ended the run otherwise. */
export async function trainRun(options: TrainRunOptions): Promise<RunSummary> {
  const { values, plan, view } = options;
  const runId = randomUUID();
  const directory = await createRunDirectory(values.runDir, runId);
  const lock = await acquireRunLock(directory.path);
  try {
    await prepareRunDirectory(directory);
    const transport = await bindZeroMQServer({ endpoint: setOrDefault(values, 'bind'), maxFrameBytes: maxFrameBytes(plan) });
    try {
      await writeRunConfig(directory.path, plan.config);
      return await leadRun(options, runId, directory, transport);
    } finally {
      await transport.close(LIMITS.lingerMs);
    }
  } finally {
    view.close();
    await lock.release();
  }
}

async function leadRun(
  { values, plan, engine, view }: TrainRunOptions,
  runId: string,
  directory: RunDirectory,
  transport: ServerTransport,
): Promise<RunSummary> {
  const startedMs = performance.now();
  const journal = await openJournal(directory.paths.journal);
  const store = new DirectoryStore(plan, journal, directory.paths.checkpoints, view);
  const { workers: count, minWorkers } = plan.options;
  const locals = new LocalWorkers({ count, gpus: engine.gpus, logsFolder: directory.paths.logs });
  const settings = await coordinatorSettings(values, plan, runId, locals.peers);
  const secondsPerStep = new Map<number, number>();
  let validationLoss: number | null = null;
  const loop = new CoordinatorLoop(
    {
      transport,
      clock: systemClock,
      batches: plan.batches,
      store,
      observe: (report) => {
        if (report.type === 'validation') validationLoss = report.loss;
        if (report.type === 'answered') secondsPerStep.set(report.slot, report.computeMs / 1000);
        view.show(toEvent(report, plan));
      },
    },
    {
      settings,
      initialReplica: initialReplica(plan),
      gradientLength: plan.layout.length,
      clipNorm: plan.config.clipNorm ?? undefined,
    },
  );
  const status = new RunStatusWriter(
    directory.path,
    {
      runId, host: hostname(), coordinator: ownIdentity(), endpoint: transport.endpoint, steps: plan.totalSteps,
      stepsPerEpoch: plan.schedule.stepsPerEpoch, engine: engine.label, shards: plan.shards.length,
    },
    () => ({ state: loop.state, loss: store.lastLoss, charactersPerSecond: store.recentRate, secondsPerStep }),
  );
  const signals = new StopSignals(view, () => loop.requestStop(), () => locals.kill());
  try {
    view.show(startEvent(plan, engine, runId, directory, transport, { count, minWorkers }));
    await store.checkpoint(initialReplica(plan));
    status.start();
    locals.start(transport.endpoint, runId, (peer, reason) => loop.peerGone(peer, reason));
    const outcome = await loop.run();
    await transport.close(LIMITS.lingerMs);
    await locals.stop();
    await journal.close();
    const deaths = await locals.deaths();
    const parts = { deaths, plan, store, directory, view, runId, startedMs, validationLoss, engine: engine.label };
    const summary = await conclude(outcome, parts);
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

async function coordinatorSettings(
  values: OptionValues<TrainOptions>,
  plan: RunPlan,
  run: string,
  localPeers: readonly string[],
): Promise<CoordinatorSettings> {
  const { config } = plan;
  const digest = await createDigest();
  const length = setOrDefault(values, 'sampleLength');
  return {
    run,
    term: 1,
    config,
    fingerprint: configFingerprint(config),
    layoutDigest: plan.layout.digest,
    shards: plan.shards,
    sequenceLength: config.sequenceLength,
    totalSteps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    learningRate: config.learningRate,
    minWorkers: plan.options.minWorkers,
    workerTimeoutMs: setOrDefault(values, 'workerTimeout') * 1000,
    localPeers: new Set(localPeers),
    digestEvery: config.digestEvery,
    checkpointEvery: values.checkpointEvery ?? null,
    evaluationRows: plan.evaluationRows,
    sample: length === 0 ? null : { prime: [...plan.vocabulary.encode(plan.prime)], length, temperature: 0.7, seed: config.seed },
    initialDigest: digest(bytesOf(plan.weights)),
  };
}

function startEvent(
  plan: RunPlan,
  engine: { readonly label: string; readonly device: string },
  runId: string,
  directory: RunDirectory,
  transport: ServerTransport,
  workers: { readonly count: number; readonly minWorkers: number },
): RunEvent {
  return {
    event: 'start',
    runId,
    runDirectory: directory.path,
    endpoint: transport.endpoint,
    preset: plan.options.preset,
    presetChosen: plan.options.presetChosen,
    engine: engine.label,
    device: engine.device,
    workers: workers.count,
    minWorkers: workers.minWorkers,
    totalSteps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    parameters: plan.layout.length,
    config: plan.config,
  };
}

/** Reports of the machine in the words of the views. */
function toEvent(report: Report, plan: RunPlan): RunEvent {
  switch (report.type) {
    case 'worker':
      return { event: 'worker', worker: report.slot, status: report.status, detail: report.detail };
    case 'validation':
      return { event: 'validation', step: report.step, loss: report.loss, characters: report.characters };
    case 'sample':
      return { event: 'sample', prime: plan.prime, text: plan.vocabulary.decode(report.ids) };
    case 'warning':
      return { event: 'warning', text: report.what };
    case 'rejected':
      return { event: 'rejected', worker: report.slot, reason: report.reason };
    case 'assigned':
      return { event: 'assigned', step: report.step, shards: report.shards };
    case 'answered':
      return { event: 'answered', step: report.step, worker: report.slot, computeSeconds: report.computeMs / 1000 };
  }
}

interface Conclusion {
  /** How local workers ended that were not told to. */
  readonly deaths: readonly string[];
  readonly plan: RunPlan;
  readonly store: DirectoryStore;
  readonly directory: RunDirectory;
  readonly view: RunView;
  readonly runId: string;
  readonly startedMs: number;
  readonly validationLoss: number | null;
  readonly engine: string;
}

async function conclude(outcome: CoordinatorOutcome, parts: Conclusion): Promise<RunSummary> {
  const { plan, store, directory, view } = parts;
  const latest = store.latestCheckpoint;
  if (outcome.result === 'failed') {
    const { kind, what, hint } = outcome.failure;
    const deaths = parts.deaths.length === 0 ? '' : ` (${parts.deaths.join('; ')})`;
    throw new LockstepError(kind, what + deaths, `${hint} (${directory.path} holds the last checkpoint and the logs)`);
  }
  const summary: RunSummary = {
    runId: parts.runId,
    result: outcome.result,
    steps: outcome.steps,
    characters: store.characters,
    epochMeanLoss: store.epochMeanLoss,
    validationLoss: parts.validationLoss,
    weightsSha256: latest?.weightsSha256 ?? '',
    charactersPerSecond: store.overallRate,
    engine: parts.engine,
    workers: plan.options.workers,
    shards: plan.shards.length,
    wallSeconds: (performance.now() - parts.startedMs) / 1000,
  };
  await writeSummary(directory.path, { ...summary, epochMeanLoss: [...summary.epochMeanLoss] });
  view.show({ event: 'summary', summary, runDirectory: directory.path, checkpoint: latest?.path ?? '' });
  return summary;
}
