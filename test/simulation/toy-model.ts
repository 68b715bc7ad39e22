/**
 * A model that needs no engine and hides nothing: every update turns its few weights around and stretches their
 * differences, so that an update that is lost, doubled, out of order, or computed from other weights leaves bits that
 * never become right again.
 */
import type { Shard } from '@lockstep/data';
import { bytesOf, finishGradient, fromWire, toWire, TreeSum } from '@lockstep/reduce';
import type { Wire } from '@lockstep/reduce';
import { viewAsBytes } from '@lockstep/runtime';
import type { Replica } from '@lockstep/runtime';

/** Three blocks of squares, the last one short, so that workers that sum together own slices. */
export const LENGTH = 33;
export const SEQUENCE_LENGTH = 2;
export const LEARNING_RATE = 0.5;
export const SLOTS = ['velocity'];

/** Mixes a number into 32 well spread bits. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The windows of rows [rowStart, rowEnd) of a step: no two rows of a run are alike. */
export function toyWindows(step: number, rowStart: number, rowEnd: number): Int32Array {
  const windows = new Int32Array((rowEnd - rowStart) * (SEQUENCE_LENGTH + 1));
  for (let index = 0; index < windows.length; index += 1) {
    const row = rowStart + Math.floor(index / (SEQUENCE_LENGTH + 1));
    windows[index] = mix(step * 7919 + row * 104_729 + (index % (SEQUENCE_LENGTH + 1))) & 0xffff;
  }
  return windows;
}

export interface ToyGradient {
  readonly lossSum: number;
  readonly characters: number;
  readonly gradient: Float32Array;
}

/** The gradient SUM over the rows of the windows, in order. */
export function toyGradient(weights: Float32Array, windows: Int32Array): ToyGradient {
  const gradient = new Float32Array(LENGTH);
  const rows = windows.length / (SEQUENCE_LENGTH + 1);
  let lossSum = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let i = 0; i < LENGTH; i += 1) {
      const id = windows[row * (SEQUENCE_LENGTH + 1) + (i % (SEQUENCE_LENGTH + 1))];
      const weight = weights[i];
      gradient[i] = gradient[i] + (8 + 16 * (id / 0x10000)) * weight * (1 - weight);
      lossSum += weight * id;
    }
  }
  return { lossSum, characters: rows * SEQUENCE_LENGTH, gradient };
}

/** Applies one update in place: momentum, wrapped into [0, 1), and every weight moves on by one place. */
export function toyApply(
  weights: Float32Array,
  velocity: Float32Array,
  mean: Float32Array,
  learningRate: number,
): void {
  for (let i = 0; i < LENGTH; i += 1) {
    velocity[i] = 0.5 * velocity[i] + learningRate * mean[i];
    const moved = weights[i] - velocity[i];
    weights[i] = moved - Math.floor(moved);
  }
  const first = weights[0];
  weights.copyWithin(0, 1);
  weights[LENGTH - 1] = first;
}

export function initialReplica(): Replica {
  const weights = Float32Array.from({ length: LENGTH }, (_, i) => 0.1 + 0.13 * i);
  return { step: 0, optimizerSteps: 0, slots: SLOTS, vectors: [weights, new Float32Array(LENGTH)] };
}

/** What the run must have done after a step. */
export interface ReferenceStep {
  readonly loss: number;
  readonly shardDigests: readonly string[];
  readonly weightsDigest: string;
  /** Of weights and velocity. */
  readonly vectors: readonly Float32Array[];
}

/** The run without a fault, on one machine: computed step by step, as far as it is asked for. */
export class Reference {
  readonly #digest: (bytes: Uint8Array) => string;
  readonly #shardsOf: (step: number) => readonly Shard[];
  readonly #wire: Wire;
  readonly #steps: ReferenceStep[] = [];

  /** @param shardsOf the plan of a step; asked once a step */
  constructor(digest: (bytes: Uint8Array) => string, wire: Wire, shardsOf: (step: number) => readonly Shard[]) {
    this.#digest = digest;
    this.#wire = wire;
    this.#shardsOf = shardsOf;
  }

  /** Steps from this one on, counted from 0, are computed under another plan. */
  forget(fromStep: number): void {
    this.#steps.length = Math.min(this.#steps.length, fromStep);
  }

  /** The state after `step` updates; `step` counts from 1, 0 is the start. */
  after(step: number): ReferenceStep {
    while (this.#steps.length < step) this.#steps.push(this.#compute(this.#steps.length));
    return step === 0 ? this.#start() : this.#steps[step - 1];
  }

  #start(): ReferenceStep {
    const { vectors } = initialReplica();
    return { loss: 0, shardDigests: [], weightsDigest: this.#digest(bytesOf(vectors[0])), vectors };
  }

  #compute(step: number): ReferenceStep {
    const [weights, velocity] = this.after(step).vectors.map((vector) => Float32Array.from(vector));
    const shards = this.#shardsOf(step);
    const sum = new TreeSum(shards.length, LENGTH);
    const shardDigests: string[] = [];
    const losses: number[] = [];
    let characters = 0;
    for (const { index, rowStart, rowEnd } of shards) {
      const answer = toyGradient(weights, toyWindows(step, rowStart, rowEnd));
      const bytes = toWire(answer.gradient, this.#wire);
      shardDigests.push(this.#digest(bytes));
      losses.push(answer.lossSum);
      characters += answer.characters;
      sum.add(index, fromWire(bytes, this.#wire));
    }
    const mean = sum.take();
    finishGradient(mean, characters, undefined);
    toyApply(weights, velocity, mean, LEARNING_RATE);
    const loss = losses.reduce((total, one) => total + one, 0) / characters;
    return { loss, shardDigests, weightsDigest: this.#digest(viewAsBytes(weights)), vectors: [weights, velocity] };
  }
}
