/** Plain gradient descent: weight -= learning rate x gradient. No state but the step count. */
import type { Optimizer } from './contract.js';
import { checkState, checkVectors } from './state.js';

export class Sgd implements Optimizer {
  readonly slots = Object.freeze({});
  readonly #length: number;
  #steps = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get steps(): number {
    return this.#steps;
  }

  apply(weights: Float32Array, gradient: Float32Array, learningRate: number): void {
    checkVectors(weights, gradient, this.#length);
    this.#steps++;
    for (let i = 0; i < weights.length; i++) weights[i] -= learningRate * gradient[i];
  }

  restore(steps: number, slots: Readonly<Record<string, Float32Array>>): void {
    checkState(steps, slots, this.slots);
    this.#steps = steps;
  }
}
