export { decodeCoordinatorMessage, decodeWorkerMessage, encodeMessage, openPeerMessage, withPayload } from './codec.js';
export type { Digest, Letter, Opened, Unreadable } from './codec.js';
export {
  CONTROL_LENGTH_MAX,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from './control.js';
export type { ControlCommand, ControlReply } from './control.js';
export { stepCoordinator } from './coordinator/coordinator.js';
export type { CoordinatorTransition } from './coordinator/coordinator.js';
export { MISMATCHES, REJECTIONS } from './coordinator/events.js';
export type {
  Command,
  CommittedStep,
  CoordinatorAction,
  CoordinatorEvent,
  CoordinatorOutcome,
  LostWorker,
  Mismatch,
  PayloadSource,
  Rejection,
  ReplicaParts,
  Report,
} from './coordinator/events.js';
export type {
  CoordinatorSettings,
  JournalledStep,
  Plan,
  ReplicaAbout,
  Resumption,
  SampleRequest,
} from './coordinator/settings.js';
export { gradientCreditFor, gradientsHeldMax } from './coordinator/shipping.js';
export { initialCoordinatorState } from './coordinator/state.js';
export type { CoordinatorState, WorkerRecord } from './coordinator/state.js';
export { LOG_LINES_MAX, payloadFrameCount } from './messages.js';
export type {
  Activity,
  CoordinatorMessage,
  Failure,
  PeerMessage,
  Stamp,
  StepRecord,
  Times,
  Vitals,
  WorkerMessage,
} from './messages.js';
export type { ComputeResult, ComputeTask, WorkerAction, WorkerEvent, WorkerOutcome } from './worker/events.js';
export { withLog } from './worker/saying.js';
export { initialWorkerState } from './worker/state.js';
export type { WorkerSettings, WorkerState } from './worker/state.js';
export { stepWorker } from './worker/worker.js';
