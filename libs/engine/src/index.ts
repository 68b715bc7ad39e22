export type {
  DeviceRequest,
  Engine,
  EngineChoice,
  EngineFound,
  EngineName,
  EngineProblem,
  TensorflowFound,
  WasmFound,
} from './engine.js';
export { checkEngine } from './check.js';
export { engineEnvironment } from './environment.js';
export { findEngine } from './find.js';
export { installEngine } from './install.js';
export type { InstallNeeds } from './install.js';
export { loadEngine } from './load.js';
export { cacheFolder } from './paths.js';
