/** What an optimizer is told and what it does; the implementations lie beside. */

export interface AdamSpec {
  readonly name: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export interface SgdSpec {
  readonly name: 'sgd';
}

export type OptimizerSpec = AdamSpec | SgdSpec;

/** The part of a run's configuration that names an optimizer. */
interface OptimizerConfig {
  readonly optimizer: 'adam' | 'sgd';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export function optimizerSpec({ optimizer, beta1, beta2, epsilon }: OptimizerConfig): OptimizerSpec {
  return optimizer === 'sgd' ? { name: 'sgd' } : { name: 'adam', beta1, beta2, epsilon };
}

/** State that turns gradients into updates. */
export interface Optimizer {
  /** Number of updates applied. */
  readonly steps: number;
  /** The live state vectors by name, for a checkpoint; only the optimizer writes to them. */
  readonly slots: Readonly<Record<string, Float32Array>>;
  /**
   * Copies weights to where they lie beside the state and updates need not move them. There is one such place: each
   * call overwrites what the one before returned.
   */
  adopt(weights: Float32Array): Float32Array<ArrayBuffer>;
  /** Applies one update to the weights, in place, wherever they lie. The gradient is only read. */
  apply(weights: Float32Array, gradient: Float32Array, learningRate: number): void;
  /**
   * Takes over the state of a checkpoint or another replica; the slots are copied.
   * @throws LockstepError 'data' when the step count, names or lengths do not fit
   */
  restore(steps: number, slots: Readonly<Record<string, Float32Array>>): void;
}
