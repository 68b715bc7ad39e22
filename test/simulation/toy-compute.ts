/**
 * The engine of a worker in the simulation: takes virtual time for each task, does the toy model's arithmetic, and
 * misbehaves when a fault says so. It is also where double and lost updates would show: it knows its own step, and
 * holds what it has against the run without faults.
 */
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import { toWire } from '@lockstep/reduce';
import type { Wire } from '@lockstep/reduce';
import { copyToFloats, copyToIntegers, viewAsBytes } from '@lockstep/runtime';
import type { Compute } from '@lockstep/runtime';
import { allFinite } from '@lockstep/vector';
import type { ComputeTaskType } from './options.js';
import { LENGTH, SEQUENCE_LENGTH, SLOTS, toyApply, toyGradient } from './toy-model.js';
import type { Reference } from './toy-model.js';
import type { VirtualProcess } from './virtual-process.js';

export type Lie = 'not a number' | 'wrong gradient';

export interface ToySetting {
  readonly process: VirtualProcess;
  readonly digest: (bytes: Uint8Array) => string;
  readonly reference: Reference;
  readonly wire: Wire;
  /** Time that a task takes now. */
  durationMs(type: ComputeTaskType): number;
  /** A task begins; the process may be killed by it. */
  onBegin(task: ComputeTask): void;
  /** A lie is told. */
  onLie(lie: Lie): void;
  violated(what: string): void;
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

export class ToyCompute implements Compute {
  /** What it answers instead of its next gradient. */
  lie: Lie | undefined;
  failsNext = false;
  /** The task it is at. */
  task: ComputeTaskType | undefined;
  /** The step for which it told a lie last. */
  liedAt: number | undefined;
  #replica: { step: number; weights: Float32Array; velocity: Float32Array } | undefined;
  /** Its weights were altered, so that what it computes from them is no fault of the protocol. */
  #isTainted = false;
  readonly #setting: ToySetting;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(setting: ToySetting) {
    this.#setting = setting;
  }

  submit(task: ComputeTask): Promise<ComputeResult> {
    const result = this.#queue.then(() => this.#work(task));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Updates that its weights have had. */
  get replicaStep(): number | undefined {
    return this.#replica?.step;
  }

  /** Flips one bit of the weights; false when there are none yet. */
  corrupt(bit: number): boolean {
    if (this.#replica === undefined) return false;
    const bytes = viewAsBytes(this.#replica.weights);
    bytes[bit >> 3] = bytes[bit >> 3] ^ (1 << (bit & 7));
    this.#isTainted = true;
    return true;
  }

  async #work(task: ComputeTask): Promise<ComputeResult> {
    const { process, onBegin, durationMs } = this.#setting;
    this.task = task.type;
    onBegin(task);
    await new Promise<void>((resolve) => process.clock.after(durationMs(task.type), resolve));
    if (this.failsNext) throw new Error('the engine has failed');
    this.task = undefined;
    return this.#answer(task);
  }

  #answer(task: ComputeTask): ComputeResult {
    switch (task.type) {
      case 'prepare':
        return this.#prepared();
      case 'load':
        return this.#load(task);
      case 'gradient':
        return this.#gradient(task);
      case 'apply':
        return this.#apply(task);
      case 'snapshot':
        return this.#snapshot(task.step);
      case 'evaluate': {
        const { evaluation, index, rows } = task.evaluate;
        const characters = rows * SEQUENCE_LENGTH;
        return { type: 'evaluated', evaluation, index, lossSum: characters * (index + 1), characters };
      }
      case 'sample':
        return { type: 'sampled', payload: viewAsBytes(Int32Array.from(task.sample.prime)) };
    }
  }

  #prepared(): ComputeResult {
    const held = this.#replica;
    const replica = held === undefined ? null : { step: held.step, digest: this.#weightsDigest(held.weights) };
    const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'toy', engine: 'toy', device: 'cpu' };
    return { type: 'prepared', ...about, replica };
  }

  #load(task: Extract<ComputeTask, { type: 'load' }>): ComputeResult {
    const all = new Uint8Array(2 * LENGTH * FLOAT_BYTES);
    let filled = 0;
    for (const part of task.payload) {
      all.set(part, filled);
      filled += part.byteLength;
    }
    const weights = copyToFloats(all.subarray(0, LENGTH * FLOAT_BYTES));
    const velocity = copyToFloats(all.subarray(LENGTH * FLOAT_BYTES));
    this.#replica = { step: task.step, weights, velocity };
    this.#isTainted = false;
    this.#compare('loaded');
    return { type: 'loaded', step: task.step, digest: this.#weightsDigest(weights) };
  }

  #gradient({ assign, payload }: Extract<ComputeTask, { type: 'gradient' }>): ComputeResult {
    const held = this.#holding(assign.step, 'computes');
    const { lossSum, characters, gradient } = toyGradient(held.weights, copyToIntegers(payload));
    if (this.lie !== undefined) this.#tell(this.lie, gradient, held.step);
    const { step, shard, attempt } = assign;
    const bytes = toWire(gradient, this.#setting.wire);
    return {
      ...{ type: 'gradient', step, shard, attempt, lossSum, characters, computeMs: 1 },
      weightsDigest: assign.digest ? this.#weightsDigest(held.weights) : null,
      held: assign.ship ? null : { digest: this.#setting.digest(bytes), finite: allFinite(gradient) },
      payload: bytes,
    };
  }

  #tell(lie: Lie, gradient: Float32Array, step: number): void {
    gradient[1] = lie === 'not a number' ? Number.NaN : 2 * gradient[1] + 1;
    this.lie = undefined;
    this.liedAt = step;
    this.#setting.onLie(lie);
  }

  #apply({ update, payload }: Extract<ComputeTask, { type: 'apply' }>): ComputeResult {
    const held = this.#holding(update.step, 'applies');
    toyApply(held.weights, held.velocity, copyToFloats(payload), update.learningRate);
    held.step += 1;
    this.#compare('applied');
    return { type: 'applied', step: update.step, digest: update.digest ? this.#weightsDigest(held.weights) : null };
  }

  #snapshot(step: number): ComputeResult {
    const { weights, velocity, step: optimizerSteps } = this.#holding(step, 'saves');
    const payload = new Uint8Array(2 * LENGTH * FLOAT_BYTES);
    payload.set(viewAsBytes(weights));
    payload.set(viewAsBytes(velocity), LENGTH * FLOAT_BYTES);
    return { type: 'snapshot', step, optimizerSteps, slots: SLOTS, digest: this.#weightsDigest(weights), payload };
  }

  #holding(step: number, does: string): { step: number; weights: Float32Array; velocity: Float32Array } {
    const held = this.#replica;
    const { process, violated } = this.#setting;
    if (held?.step !== step) violated(`${process.name} ${does} step ${step} and holds ${held?.step ?? 'nothing'}`);
    if (held === undefined) throw new Error(`a task for step ${step} without weights`);
    return held;
  }

  /** Weights and optimizer as without faults, bit for bit. */
  #compare(did: string): void {
    const held = this.#replica;
    if (held === undefined || this.#isTainted) return;
    const { digest, reference, process, violated } = this.#setting;
    const [weights, velocity] = reference.after(held.step).vectors;
    const isSame =
      digest(viewAsBytes(held.weights)) === digest(viewAsBytes(weights)) &&
      digest(viewAsBytes(held.velocity)) === digest(viewAsBytes(velocity));
    if (!isSame) violated(`${process.name} ${did} its replica at step ${held.step}, which is not as without faults`);
  }

  #weightsDigest(weights: Float32Array): string {
    return this.#setting.digest(viewAsBytes(weights));
  }
}
