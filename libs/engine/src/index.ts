export type {
  DeviceRequest,
  Engine,
  EngineChoice,
  EngineFound,
  EngineProblem,
  OneDnnFound,
  TensorflowFound,
  WasmFound,
} from './engine.js';
export { checkEngine } from './check.js';
export { engineProbes } from './doctor.js';
export type { DoctorNeeds, Probe } from './doctor.js';
export { engineEnvironment } from './environment.js';
export { findEngine } from './find.js';
export type { FindNeeds } from './find.js';
export { hostFacts } from './host.js';
export type { Gpu, HostFacts } from './host.js';
export { installEngine } from './install.js';
export type { InstallNeeds } from './install.js';
export { loadEngine } from './load.js';
export { cacheFolder } from './paths.js';
export { findProvenEngine } from './prove.js';
export type { ProvenEngine } from './prove.js';
export { bestBuild } from './platform.js';
