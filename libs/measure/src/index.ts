export { allReduceSeconds, crossovers, projectedStepsPerSecond } from './alpha-beta.js';
export type { AllReduceShape, Crossing, Link, Topology } from './alpha-beta.js';
export { ratioOf, summarise } from './summary.js';
export type { Ratio, Summary } from './summary.js';
