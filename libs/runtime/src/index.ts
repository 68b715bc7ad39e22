export type { CommandReply } from './commands.js';
export { CoordinatorLoop } from './coordinator-loop.js';
export type { CoordinatorPorts, CoordinatorWork } from './coordinator-loop.js';
export type { Batches } from './payloads.js';
export { GradientExchange } from './gradient-exchange.js';
export type { PeerLinkMaker } from './peer-links.js';
export type {
  ClientEvent,
  ClientTransport,
  Clock,
  Frames,
  PeerClient,
  PeerId,
  PeerServer,
  RoomFor,
  RunStore,
  ServerEvent,
  ServerTransport,
  SharedBlock,
  SharedMemory,
  SharedPlace,
} from './ports.js';
export type { Moment, Probe } from './probe.js';
export {
  copyToFloats,
  copyToIntegers,
  replicaFromParts,
  replicaPartCount,
  viewAsBytes,
  viewAsFloats,
} from './replica.js';
export type { Replica } from './replica.js';
export { WorkerLoop } from './worker-loop.js';
export type { Compute, WorkerPorts, WorkerWatch } from './worker-loop.js';
