/** Plain gradient descent: weight -= learning rate x gradient. No state but the step count. */
import { descendInPlace, vectorsTogether } from '@lockstep/vector';
import type { Optimizer } from './contract.js';
import { checkState, checkVectors } from './state.js';

export class Sgd implements Optimizer {
  readonly slots = Object.freeze({});
  readonly #ownWeights: Float32Array<ArrayBuffer>;
  readonly #length: number;
  #steps = 0;

  constructor(length: number) {
    this.#length = length;
    [this.#ownWeights] = vectorsTogether(1, length);
  }

  get steps(): number {
    return this.#steps;
  }

  apply(weights: Float32Array, gradient: Float32Array, learningRate: number): void {
    checkVectors(weights, gradient, this.#length);
    this.#steps++;
    descendInPlace(weights, gradient, learningRate);
  }

  adopt(weights: Float32Array): Float32Array<ArrayBuffer> {
    checkVectors(weights, weights, this.#length);
    this.#ownWeights.set(weights);
    return this.#ownWeights;
  }

  restore(steps: number, slots: Readonly<Record<string, Float32Array>>): void {
    checkState(steps, slots, this.slots);
    this.#steps = steps;
  }
}
