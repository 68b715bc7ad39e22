export type { BackendName, ModelEngine } from './engine.js';
export { initialWeights } from './initial-weights.js';
export type { InitialWeightsOptions } from './initial-weights.js';
export { createModel } from './model.js';
export type { LossAndGradient, LossSum, Model } from './model.js';
export { pickCharacter } from './pick.js';
export type { Sampler } from './sampler.js';
