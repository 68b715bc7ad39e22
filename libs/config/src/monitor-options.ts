/** Options of `lockstep monitor`. */
import type { OptionTable } from './option-types.js';

const MONITOR = 'Monitor:';

export const MONITOR_OPTIONS = {
  target: {
    type: 'string',
    group: MONITOR,
    defaultText: 'where the run says, or 127.0.0.1:9580',
    help: 'Ask for metrics at this host and port, for example 10.0.0.1:9580',
  },
  port: {
    type: 'integer',
    group: MONITOR,
    min: 0,
    max: 65_535,
    defaultText: '9090, or a free one when that is taken',
    help: 'Port that Prometheus listens on, on this machine only; 0 picks a free one',
  },
  interval: {
    type: 'number',
    group: MONITOR,
    unit: 'seconds',
    min: 1,
    max: 300,
    default: 5,
    help: 'Ask for metrics this often',
  },
} as const satisfies OptionTable;
