/** Options of the commands other than `lockstep train`. */
import { ENGINE_CHOICES, ENGINE_HELP } from './engine-names.js';
import { LIMITS } from './limits.js';
import type { OptionTable } from './option-types.js';

const CONNECTION = 'Connection:';
const ENGINE = 'Engine:';
const METRICS = 'Metrics:';
const TEXT = 'Text:';
const OUTPUT = 'Output:';

const engineChoice = {
  type: 'string',
  group: ENGINE,
  choices: ENGINE_CHOICES,
  default: 'auto',
  help: ENGINE_HELP,
} as const;
const deviceChoice = {
  type: 'string',
  group: ENGINE,
  choices: ['cpu', 'gpu'],
  default: 'cpu',
  help: 'Kind of device to compute on',
} as const;
const checkpoint = {
  type: 'string',
  group: TEXT,
  help: 'Checkpoint folder, or a run directory for its last good checkpoint',
} as const;

export const WORKER_OPTIONS = {
  coordinator: {
    type: 'string',
    group: CONNECTION,
    help: 'Address of the coordinator, for example tcp://10.0.0.1:5555',
  },
  connectTimeout: {
    type: 'number',
    group: CONNECTION,
    unit: 'seconds',
    above: 0,
    max: 86_400,
    default: 30,
    help: 'Give up when no coordinator answers for this long',
  },
  coordinatorTimeout: {
    type: 'number',
    group: CONNECTION,
    unit: 'seconds',
    above: 0,
    max: 604_800,
    default: LIMITS.coordinatorAwayMs / 1000,
    help: 'Keep the weights and look for a coordinator that has gone for this long',
  },
  name: {
    type: 'string',
    group: CONNECTION,
    defaultText: 'the host, and the GPU if one is given',
    help: 'What this worker is called, over restarts; failures are counted by it',
  },
  run: { type: 'string', group: CONNECTION, defaultText: 'any', help: 'Take part in no other run than this' },
  gpu: {
    type: 'integer',
    group: ENGINE,
    min: 0,
    max: 1024,
    default: 0,
    help: 'Index of the GPU to use, if the run asks for GPUs',
  },
  metricsPort: {
    type: 'integer',
    group: METRICS,
    min: 0,
    max: 65_535,
    default: 0,
    help: 'Serve /metrics, /healthz and /readyz at this port; 0 picks a free one, which the worker prints',
  },
  metricsHost: {
    type: 'string',
    group: METRICS,
    default: '127.0.0.1',
    help: 'Serve them at this address; 0.0.0.0 lets other machines look, without a password',
  },
  noMetrics: { type: 'boolean', group: METRICS, default: false, help: 'Serve none of them' },
  logFormat: {
    type: 'string',
    group: OUTPUT,
    choices: ['pretty', 'json'],
    default: 'pretty',
    help: 'What this worker says on standard error: lines for people, or one JSON object a line',
  },
  logLevel: {
    type: 'string',
    group: OUTPUT,
    choices: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    help: 'Say this and what matters more; debug says something of every step',
  },
} as const satisfies OptionTable;

export const SAMPLE_OPTIONS = {
  checkpoint,
  prime: {
    type: 'string',
    group: TEXT,
    defaultText: 'a line break',
    default: '\n',
    help: 'Beginning of the text, which the sample goes on from',
  },
  length: {
    type: 'integer',
    group: TEXT,
    unit: 'characters',
    min: 1,
    max: 10_000_000,
    default: 500,
    help: 'Length of the sample',
  },
  temperature: {
    type: 'number',
    group: TEXT,
    min: 0,
    max: 100,
    default: 1,
    help: 'Below 1 more cautious, above 1 more daring, 0 always the likeliest character',
  },
  seed: {
    type: 'integer',
    group: TEXT,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 1,
    help: 'The same seed gives the same sample',
  },
  engine: engineChoice,
  device: deviceChoice,
} as const satisfies OptionTable;

export const EVALUATE_OPTIONS = {
  checkpoint,
  text: { type: 'strings', group: TEXT, help: 'UTF-8 text files or folders to take the loss of' },
  engine: engineChoice,
  device: deviceChoice,
  json: { type: 'boolean', group: TEXT, default: false, help: 'Print one JSON object' },
} as const satisfies OptionTable;

const PAGE = 'Page:';
const pagePort = {
  type: 'integer',
  group: PAGE,
  min: 0,
  max: 65_535,
  default: 0,
  defaultText: 'any free one',
  help: 'Serve the page at this port',
} as const;
const pageHost = {
  type: 'string',
  group: PAGE,
  default: '127.0.0.1',
  help: 'Serve it at this address; 0.0.0.0 lets other machines look, without a password',
} as const;

export const VIEW_OPTIONS = { port: pagePort, host: pageHost } as const satisfies OptionTable;

export const COMPARE_OPTIONS = {
  page: { type: 'boolean', group: PAGE, default: false, help: 'Serve the curves as a page, too, until Ctrl-C' },
  port: pagePort,
  host: pageHost,
  json: { type: 'boolean', group: PAGE, default: false, help: 'Print one JSON object' },
} as const satisfies OptionTable;
