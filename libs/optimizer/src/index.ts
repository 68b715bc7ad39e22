export { optimizerSpec } from './contract.js';
export type { AdamSpec, Optimizer, OptimizerSpec, SgdSpec } from './contract.js';
export { createOptimizer } from './optimizer.js';
