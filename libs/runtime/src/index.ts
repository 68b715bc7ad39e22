export { CoordinatorLoop } from './coordinator-loop.js';
export type { Batches, CoordinatorPorts, CoordinatorWork, RunStore } from './coordinator-loop.js';
export type { ClientEvent, ClientTransport, Clock, Frames, PeerId, ServerEvent, ServerTransport } from './ports.js';
export {
  copyToFloats,
  copyToIntegers,
  partOfReplica,
  replicaFromParts,
  replicaPartCount,
  viewAsBytes,
} from './replica.js';
export type { Replica } from './replica.js';
export { WorkerLoop } from './worker-loop.js';
export type { Compute, WorkerPorts } from './worker-loop.js';
