export { CATALOGUE, FAULT_KINDS, PHASES, PREFIX, RUN_STATES } from './catalogue.js';
export type { MetricName } from './catalogue.js';
export { plain, serveHttp } from './http/http-server.js';
export type { Answer, HttpServer, Route } from './http/http-server.js';
export type { Metric } from './metric.js';
export { MetricSet } from './metric-set.js';
export { countAnswer, countVitals } from './count-answer.js';
