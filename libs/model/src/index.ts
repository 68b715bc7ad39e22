export type { BackendName, ModelEngine } from './engine.js';
export { createModel } from './model.js';
export type { LossAndGradient, LossSum, Model } from './model.js';
