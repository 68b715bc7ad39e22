/** From the plan of a run, and what its journal says, to what the coordinator's machine is told at its start. */
import { readRunFile } from '@lockstep/checkpoint';
import { configFingerprint, LIMITS, parseCadence, setOrDefault } from '@lockstep/config';
import { createOptimizer, optimizerSpec } from '@lockstep/optimizer';
import { gradientCreditFor } from '@lockstep/protocol';
import type { CoordinatorSettings, Plan, ReplicaAbout, Resumption, SampleRequest } from '@lockstep/protocol';
import { bytesOf, digestOf, wireValueBytes } from '@lockstep/reduce';
import type { Replica } from '@lockstep/runtime';
import { existsSync } from 'node:fs';
import type { Assignment } from '../supervise/messages.js';
import { softwareVersion } from '../version.js';
import { describeRows } from './describe-rows.js';
import type { RunView } from './events.js';
import type { OpenedRun } from './open-run.js';
import type { RunPlan } from './plan-run.js';
import type { DirectoryStore, Life } from './run-store.js';

/** Cautious enough for words, daring enough not to go in circles. */
const SAMPLE_TEMPERATURE = 0.7;

interface SettingsParts {
  readonly assignment: Assignment;
  readonly opened: OpenedRun;
  readonly store: DirectoryStore;
  readonly life: Life;
  /** The replica of a run that has not made a step; null when its checkpoint is on the disk. */
  readonly initial: Replica | null;
  readonly view: RunView;
}

export async function coordinatorSettings(parts: SettingsParts): Promise<CoordinatorSettings> {
  const { assignment, opened, store, life } = parts;
  const { plan } = opened;
  const { config } = plan;
  const { values } = assignment;
  // Without a journal and a checkpoint nobody can hold anything but the first weights.
  const first = store.history.term === 0 ? parts.initial : null;
  return {
    run: assignment.runId,
    term: life.term,
    incarnation: life.incarnation,
    softwareVersion: softwareVersion(),
    config,
    fingerprint: configFingerprint(config),
    layoutDigest: plan.layout.digest,
    batchSize: config.batchSize,
    plans: plansOf(store, plan),
    sequenceLength: config.sequenceLength,
    totalSteps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    learningRate: config.learningRate,
    sharedMemory: setOrDefault(values, 'localExchange') === 'memory',
    wire: config.wire,
    gradientLength: plan.layout.length,
    gradientCredit: gradientCreditFor(plan.layout.length * wireValueBytes(config.wire)),
    clipNorm: config.clipNorm,
    topology: setOrDefault(values, 'topology'),
    minWorkers: plan.options.minWorkers,
    workerTimeoutMs: setOrDefault(values, 'workerTimeout') * 1000,
    digestEvery: config.digestEvery,
    checkpointEvery: parseCadence(setOrDefault(values, 'checkpointEvery')),
    audit: setOrDefault(values, 'audit'),
    seed: config.seed,
    evaluationRows: plan.evaluationRows,
    sample: sampleOf(plan, values),
    initial: first === null ? null : await aboutOf(first),
    replicaParts: replicaPartCount(plan),
    resumption: first === null ? await resumptionOf(parts) : null,
    describeRows: (step, rowStart, rowEnd) => describeRows(plan, step, rowStart, rowEnd),
  };
}

async function aboutOf({ step, optimizerSteps, slots, vectors }: Replica): Promise<ReplicaAbout> {
  return { step, optimizerSteps, slots, digest: digestOf(bytesOf(vectors[0] ?? new Float32Array())) };
}

/** In how many parts the weights and the optimizer's vectors travel. */
function replicaPartCount({ config, layout }: RunPlan): number {
  const vectors = 1 + Object.keys(createOptimizer(optimizerSpec(config), 1).slots).length;
  const lengthBytes = vectors * layout.length * Float32Array.BYTES_PER_ELEMENT;
  return Math.max(1, Math.ceil(lengthBytes / LIMITS.replicaPartBytes));
}

/** Journal lines count steps from 1, the protocol from 0. */
function plansOf({ history }: DirectoryStore, plan: RunPlan): readonly Plan[] {
  if (history.plans.length === 0) return [{ fromStep: 0, shards: plan.shards }];
  return history.plans.map(({ fromStep, shards }) => ({
    fromStep: fromStep - 1,
    shards: shards.map(([rowStart, rowEnd], index) => ({ index, rowStart, rowEnd })),
  }));
}

function sampleOf({ vocabulary, prime, config }: RunPlan, values: Assignment['values']): SampleRequest | null {
  const length = setOrDefault(values, 'sampleLength');
  if (length === 0) return null;
  const about = { length, temperature: SAMPLE_TEMPERATURE, seed: config.seed };
  return { prime: [...vocabulary.encode(prime)], ...about, every: parseCadence(setOrDefault(values, 'sampleEvery')) };
}

async function resumptionOf({ assignment, opened, store, view }: SettingsParts): Promise<Resumption> {
  const { directory } = opened;
  const before = existsSync(directory.paths.run) ? await readRunFile(directory.path) : null;
  const remote = (before?.workers ?? []).filter(({ local }) => !local).map(({ peer }) => peer);
  const isSameEngine = before === null || before.engine === assignment.engine.label;
  if (!isSameEngine) {
    const text =
      `the run was computed with ${before.engine}, this is ${assignment.engine.label}: ` +
      'steps that are computed again may differ in their last bits';
    view.show({ event: 'warning', text });
  }
  return {
    journalled: store.journalled,
    journalledDigest: store.history.steps.at(-1)?.weightsDigest ?? null,
    checkpointStep: await store.newestCheckpointStep(),
    awaitedPeers: [...assignment.localPeers, ...remote],
    comparesReplay: isSameEngine,
  };
}
