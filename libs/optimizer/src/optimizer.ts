/**
 * The update, as host-side arithmetic on flat float32 vectors. Only + - * / and Math.sqrt are used, which IEEE 754 and
 * ECMAScript round in exactly one way, in one fixed order: equal inputs give equal bits on every machine and engine.
 */
import { Adam } from './adam.js';
import type { Optimizer, OptimizerSpec } from './contract.js';
import { Sgd } from './sgd.js';

/**
 * Makes an optimizer with fresh state.
 * @param length number of weights
 */
export function createOptimizer(spec: OptimizerSpec, length: number): Optimizer {
  switch (spec.name) {
    case 'adam':
      return new Adam(spec, length);
    case 'sgd':
      return new Sgd(length);
  }
}
