/** From the plan of a run to what the coordinator's machine is told at its start. */
import { configFingerprint, setOrDefault } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import type { CoordinatorSettings } from '@lockstep/protocol';
import { bytesOf, createDigest } from '@lockstep/reduce';
import { softwareVersion } from '../version.js';
import type { RunPlan } from './plan-run.js';

/** Cautious enough for words, daring enough not to go in circles. */
const SAMPLE_TEMPERATURE = 0.7;

export async function coordinatorSettings(
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
    softwareVersion: softwareVersion(),
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
    sample:
      length === 0
        ? null
        : {
            prime: [...plan.vocabulary.encode(plan.prime)],
            length,
            temperature: SAMPLE_TEMPERATURE,
            seed: config.seed,
          },
    initialDigest: digest(bytesOf(plan.weights)),
  };
}
