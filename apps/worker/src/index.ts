export { openFaultPoints } from './fault-points.js';
export type { FaultPoint } from './fault-points.js';
export { systemClock } from './system-clock.js';
export { defaultWorkerName, runWorkerProcess } from './worker-process.js';
export type { WorkerProcessOptions } from './worker-process.js';
export type { LogPlace, WorkerLog } from './worker-log.js';
