/** Options of `lockstep bench`. */
import { ENGINE_CHOICES } from './engine-names.js';
import type { OptionTable } from './option-types.js';
import { PRESET_NAMES } from './presets.js';

const MEASURE = 'Measurement:';
const NETWORK = 'Network:';

export const BENCH_OPTIONS = {
  preset: {
    type: 'string',
    group: MEASURE,
    choices: PRESET_NAMES,
    default: 'laptop',
    help: 'Take the sizes of the model and the batch from a preset',
  },
  engine: {
    type: 'string',
    group: MEASURE,
    choices: ENGINE_CHOICES,
    default: 'auto',
    help: 'Engine to measure; auto measures all that are installed',
  },
  rounds: {
    type: 'integer',
    group: MEASURE,
    min: 1,
    max: 10_000,
    default: 5,
    help: 'Measure everything this often and tell the median',
  },
  threads: {
    type: 'integer',
    group: MEASURE,
    min: 1,
    max: 4096,
    defaultText: 'all cores',
    help: 'Threads of an engine',
  },
  workers: {
    type: 'integer',
    group: NETWORK,
    min: 1,
    max: 1024,
    default: 16,
    help: 'Project the speed up to this many equal machines',
  },
  bandwidth: {
    type: 'number',
    group: NETWORK,
    unit: 'Gbit/s',
    above: 0,
    max: 100_000,
    defaultText: "this machine's loopback",
    help: 'Bandwidth of the network to project for, each way',
  },
  latency: {
    type: 'number',
    group: NETWORK,
    unit: 'ms',
    min: 0,
    max: 60_000,
    defaultText: "this machine's loopback",
    help: 'Time a message takes on that network however short it is',
  },
  json: { type: 'boolean', group: MEASURE, default: false, help: 'Print one JSON object' },
} as const satisfies OptionTable;
