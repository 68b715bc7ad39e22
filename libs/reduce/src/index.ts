export { bytesOf, createDigest } from './digest.js';
export { allFinite } from './finite.js';
export { finishGradient } from './finish.js';
export type { FinishedGradient } from './finish.js';
export { layoutView, weightLayout } from './layout.js';
export type { ModelShape, WeightEntry, WeightLayout } from './layout.js';
export { sumScalars } from './tree.js';
export { TreeSum } from './tree-sum.js';
