/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1), with epsilon beside the
 * corrected root as in the paper and in torch. Values are float64 between a load and the float32 store; the beta
 * powers are kept as float64 products, one multiplication a step, because the bits of Math.pow are the engine's
 * choice.
 */
import { invariant } from '@lockstep/config';
import type { AdamSpec, Optimizer } from './contract.js';
import { checkState, checkVectors } from './state.js';

export class Adam implements Optimizer {
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
    this.slots = Object.freeze({ m: new Float32Array(length), v: new Float32Array(length) });
  }

  get steps(): number {
    return this.#steps;
  }

  apply(weights: Float32Array, gradient: Float32Array, learningRate: number): void {
    checkVectors(weights, gradient, this.#length);
    this.#steps++;
    this.#beta1Power *= this.#spec.beta1;
    this.#beta2Power *= this.#spec.beta2;
    const rate = learningRate / (1 - this.#beta1Power);
    const rootScale = 1 / Math.sqrt(1 - this.#beta2Power);
    update(weights, gradient, this.slots.m, this.slots.v, rate, rootScale, this.#spec);
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

/**
 * One pass over all weights. The bias corrections are folded into two factors a step:
 * rate x m / (rootScale x sqrt(v) + epsilon) is learningRate x m-hat / (sqrt(v-hat) + epsilon).
 */
function update(
  weights: Float32Array,
  gradient: Float32Array,
  m: Float32Array,
  v: Float32Array,
  rate: number,
  rootScale: number,
  { beta1, beta2, epsilon }: AdamSpec,
): void {
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i];
    const mean = beta1 * m[i] + rest1 * g;
    const square = beta2 * v[i] + rest2 * g * g;
    m[i] = mean;
    v[i] = square;
    weights[i] -= (rate * mean) / (rootScale * Math.sqrt(square) + epsilon);
  }
}

/** The same roundings as multiplying once a step, which exponentiation would not give. */
function repeatedProduct(factor: number, count: number): number {
  let product = 1;
  for (let i = 0; i < count; i++) product *= factor;
  return product;
}
