/**
 * The engine's side of a worker: holds the replica (weights and optimizer state) and does one task after another.
 * It knows nothing of the network; it runs in the one thread that may load the engine.
 */
import { configFingerprint, invariant, parseRunConfig } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { randomStream } from '@lockstep/data';
import { checkEngine, findEngine, loadEngine } from '@lockstep/engine';
import type { DeviceRequest, Engine } from '@lockstep/engine';
import { createModel, pickCharacter } from '@lockstep/model';
import type { Model } from '@lockstep/model';
import { createOptimizer, optimizerSpec } from '@lockstep/optimizer';
import type { Optimizer } from '@lockstep/optimizer';
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import { bytesOf, digestOf, fromWire, toWire, weightLayout } from '@lockstep/reduce';
import type { WeightLayout } from '@lockstep/reduce';
import { copyToIntegers, replicaFromParts, viewAsBytes, viewAsFloats } from '@lockstep/runtime';
import { allFinite, scaleInPlace } from '@lockstep/vector';
import type { FaultPoint } from './fault-points.js';

type Task<T extends ComputeTask['type']> = Extract<ComputeTask, { type: T }>;

interface Prepared {
  readonly config: RunConfig;
  readonly fingerprint: string;
  readonly layout: WeightLayout;
  readonly engine: Engine;
  readonly model: Model;
}

interface LoadedReplica {
  step: number;
  /** Beside the optimizer's state, in memory that can be copied to another thread, but not transferred. */
  readonly weights: Float32Array;
  readonly optimizer: Optimizer;
}

export class ComputeService {
  readonly #device: DeviceRequest;
  readonly #faultPoint: FaultPoint | undefined;
  #prepared: Prepared | undefined;
  #replica: LoadedReplica | undefined;

  /** @param faultPoint called at places where a test may hurt the values */
  constructor(device: DeviceRequest, faultPoint?: FaultPoint) {
    this.#device = device;
    this.#faultPoint = faultPoint;
  }

  /**
   * @param room where a gradient may be written that is to be held
   * @throws LockstepError when the engine cannot be had, computes wrongly, or a vector does not fit the model */
  async perform(task: ComputeTask, room: Uint8Array | null = null): Promise<ComputeResult> {
    switch (task.type) {
      case 'prepare':
        return this.#prepare(task.config);
      case 'load':
        return this.#load(task);
      case 'gradient':
        return this.#gradient(task, room);
      case 'apply':
        return this.#apply(task);
      case 'snapshot':
        return this.#snapshot(task.step);
      case 'evaluate':
        return this.#evaluate(task);
      case 'sample':
        return this.#sample(task);
    }
  }

  /** Loads the engine once; a second welcome of the same run finds it there, and the replica with it. */
  async #prepare(value: unknown): Promise<ComputeResult> {
    const config = parseRunConfig(value, "the coordinator's welcome");
    const fingerprint = configFingerprint(config);
    if (this.#prepared?.fingerprint !== fingerprint) {
      invariant(this.#prepared === undefined, 'a worker process serves one run');
      const layout = weightLayout(config);
      const found = await findEngine(config.engine, { device: this.#device });
      const engine = await loadEngine(found, { device: this.#device });
      checkEngine(engine);
      this.#prepared = { config, fingerprint, layout, engine, model: createModel(engine, layout) };
    }
    const { engine, layout } = this.#prepared;
    const replica = this.#replica;
    return {
      type: 'prepared',
      fingerprint,
      layoutDigest: layout.digest,
      computeClass: engine.computeClass,
      engine: engine.label,
      device: engine.device.name,
      replica: replica === undefined ? null : { step: replica.step, digest: digestOf(bytesOf(replica.weights)) },
    };
  }

  #load({ payload, ...about }: Task<'load'>): ComputeResult {
    const { config, layout } = this.#tools();
    const [loaded, ...vectors] = replicaFromParts(about, payload).vectors;
    invariant(loaded?.length === layout.length, 'a replica of another length');
    const optimizer = createOptimizer(optimizerSpec(config), layout.length);
    const weights = optimizer.adopt(loaded);
    const slots = about.slots.map((slot, index) => [slot, vectors[index]] as const);
    optimizer.restore(about.optimizerSteps, Object.fromEntries(slots));
    this.#replica = { step: about.step, weights, optimizer };
    return { type: 'loaded', step: about.step, digest: digestOf(bytesOf(weights)) };
  }

  #gradient({ assign, payload }: Task<'gradient'>, room: Uint8Array | null): ComputeResult {
    const { model, config } = this.#tools();
    const { step, shard, attempt, rows } = assign;
    const { weights } = this.#atStep(step);
    this.#faultPoint?.('W6', { step, shard });
    const startedMs = performance.now();
    const { lossSum, characters, gradient } = model.gradients(
      weights,
      copyToIntegers(payload),
      rows,
      config.sequenceLength,
      room === null || config.wire !== 'float32' ? undefined : viewAsFloats(room),
    );
    const computeMs = performance.now() - startedMs;
    this.#faultPoint?.('W7', { step, shard }, gradient);
    // Afterwards, so that it vouches for the weights all through the computation.
    const weightsDigest = assign.digest ? digestOf(bytesOf(weights)) : null;
    const answer = { type: 'gradient', step, shard, attempt, lossSum, characters, computeMs, weightsDigest } as const;
    const bytes = toWire(gradient, config.wire);
    // What is held is what travels: rounding may have made a large value infinite.
    const isRounded = config.wire !== 'float32';
    const values = isRounded && !assign.ship ? fromWire(bytes, config.wire) : gradient;
    const held = assign.ship ? null : { digest: digestOf(bytes), finite: allFinite(values) };
    return { ...answer, held, payload: bytes };
  }

  #apply({ update, payload }: Task<'apply'>): ComputeResult {
    const { step } = update;
    const replica = this.#atStep(step);
    const gradient = viewAsFloats(payload);
    if (update.scale !== 1) scaleInPlace(gradient, update.scale);
    replica.optimizer.apply(replica.weights, gradient, update.learningRate);
    replica.step += 1;
    this.#faultPoint?.('applied', { step }, replica.weights);
    return { type: 'applied', step, digest: update.digest ? digestOf(bytesOf(replica.weights)) : null };
  }

  /** A copy, because the replica is written to by the next update while the snapshot is still being shipped. */
  #snapshot(step: number): ComputeResult {
    const { layout } = this.#tools();
    const { weights, optimizer } = this.#atStep(step);
    const vectors = [weights, ...Object.values(optimizer.slots)];
    const copy = new Float32Array(vectors.length * layout.length);
    for (const [index, vector] of vectors.entries()) copy.set(vector, index * layout.length);
    return {
      type: 'snapshot',
      step,
      optimizerSteps: optimizer.steps,
      slots: Object.keys(optimizer.slots),
      digest: digestOf(bytesOf(weights)),
      payload: bytesOf(copy),
    };
  }

  #evaluate({ evaluate, payload }: Task<'evaluate'>): ComputeResult {
    const { model, config } = this.#tools();
    const { evaluation, index, rows } = evaluate;
    const { weights } = this.#held();
    const { lossSum, characters } = model.loss(weights, copyToIntegers(payload), rows, config.sequenceLength);
    return { type: 'evaluated', evaluation, index, lossSum, characters };
  }

  #sample({ sample }: Task<'sample'>): ComputeResult {
    const { model } = this.#tools();
    const random = randomStream(sample.seed, 'sample');
    const sampler = model.sampler(this.#held().weights);
    try {
      const ids: number[] = [];
      let logits = sampler.prime(sample.prime);
      for (let count = 0; count < sample.length; count += 1) {
        const id = pickCharacter(logits, sample.temperature, random);
        ids.push(id);
        logits = sampler.next(id);
      }
      return { type: 'sampled', payload: viewAsBytes(Int32Array.from(ids)) };
    } finally {
      sampler.dispose();
    }
  }

  #tools(): Prepared {
    invariant(this.#prepared !== undefined, 'a task before the engine was prepared');
    return this.#prepared;
  }

  #held(): LoadedReplica {
    invariant(this.#replica !== undefined, 'a task before a replica was loaded');
    return this.#replica;
  }

  #atStep(step: number): LoadedReplica {
    const replica = this.#held();
    invariant(replica.step === step, `a task for step ${step} on a replica at step ${replica.step}`);
    return replica;
  }
}
