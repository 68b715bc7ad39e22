/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1), with epsilon beside the
 * corrected root as in the paper and in torch. Values are float64 between a load and the float32 store; the beta
 * powers are kept as float64 products, one multiplication a step, because the bits of Math.pow are the engine's
 * choice.
 */
import { invariant } from '@lockstep/config';
import { adamInPlace, vectorsTogether } from '@lockstep/vector';
import type { AdamNumbers } from '@lockstep/vector';
import type { AdamSpec, Optimizer } from './contract.js';
import { checkState, checkVectors } from './state.js';

export class Adam implements Optimizer {
  readonly #ownWeights: Float32Array<ArrayBuffer>;
  readonly slots: Readonly<Record<'m' | 'v', Float32Array>>;
  readonly #spec: AdamSpec;
  readonly #length: number;
  #steps = 0;
  #beta1Power = 1;
  #beta2Power = 1;

  constructor(spec: AdamSpec, length: number) {
    for (const beta of [spec.beta1, spec.beta2]) invariant(beta >= 0 && beta < 1, `Adam beta ${beta} is not in [0, 1)`);
    invariant(spec.epsilon > 0, `Adam epsilon ${spec.epsilon} is not positive`);
    this.#spec = spec;
    this.#length = length;
    const [weights, m, v] = vectorsTogether(3, length);
    this.#ownWeights = weights;
    this.slots = Object.freeze({ m, v });
  }

  get steps(): number {
    return this.#steps;
  }

  apply(weights: Float32Array, gradient: Float32Array, learningRate: number): void {
    checkVectors(weights, gradient, this.#length);
    this.#steps++;
    this.#beta1Power *= this.#spec.beta1;
    this.#beta2Power *= this.#spec.beta2;
    const { beta1, beta2, epsilon } = this.#spec;
    // The bias corrections are folded into two factors a step: rate x m / (rootScale x sqrt(v) + epsilon) is
    // learningRate x m-hat / (sqrt(v-hat) + epsilon).
    const rate = learningRate / (1 - this.#beta1Power);
    const rootScale = 1 / Math.sqrt(1 - this.#beta2Power);
    const numbers: AdamNumbers = [beta1, 1 - beta1, beta2, 1 - beta2, rate, rootScale, epsilon];
    adamInPlace({ weights, ...this.slots }, gradient, numbers);
  }

  adopt(weights: Float32Array): Float32Array<ArrayBuffer> {
    checkVectors(weights, weights, this.#length);
    this.#ownWeights.set(weights);
    return this.#ownWeights;
  }

  restore(steps: number, slots: Readonly<Record<string, Float32Array>>): void {
    checkState(steps, slots, this.slots);
    this.#steps = steps;
    this.#beta1Power = repeatedProduct(this.#spec.beta1, steps);
    this.#beta2Power = repeatedProduct(this.#spec.beta2, steps);
    this.slots.m.set(slots['m']);
    this.slots.v.set(slots['v']);
  }
}

/** The same roundings as multiplying once a step, which exponentiation would not give. */
function repeatedProduct(factor: number, count: number): number {
  let product = 1;
  for (let i = 0; i < count; i++) product *= factor;
  return product;
}
