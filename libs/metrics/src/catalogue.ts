/**
 * Every metric of lockstep, once. The registry, the table in docs/metrics.md and the checks of dashboards and alerts
 * are derived from it. After the rules of the Prometheus project: base units, `_total` for what only grows, times as
 * timestamps and not as ages, and every series there from the start, with 0.
 */
import { REJECTIONS } from '@lockstep/protocol';
import type { Catalogue } from './metric.js';

/** From 2.5 ms to 82 s, doubled each time. */
const STEP_SECONDS = Array.from({ length: 16 }, (_, power) => 0.0025 * 2 ** power);

/** Parts that the time of a step has, as the slowest worker of each step lived it. */
export const PHASES = ['data', 'dispatch', 'compute', 'transfer', 'reduce', 'apply', 'checkpoint', 'other'] as const;
/** Where the time of a run goes. */
export const RUN_STATES = ['startup', 'productive', 'waiting', 'recovery', 'checkpoint'] as const;
export const FAULT_KINDS = [
  'worker-lost',
  'worker-late',
  'worker-quarantined',
  'coordinator-lost',
  'message-damaged',
  'exchange-broken',
  'gradient-not-finite',
  'bits-differ',
  'disk-refused',
] as const;

const BOTH = ['coordinator', 'worker'] as const;
const COORDINATOR = ['coordinator'] as const;

export const CATALOGUE = {
  build_info: {
    ...{ type: 'gauge', unit: '1', on: BOTH },
    labels: { version: 'text', node: 'text', engine: 'text', device: 'text' },
    help: 'Always 1; its labels say which software computes on what.',
  },
  run_info: {
    ...{ type: 'gauge', unit: '1', on: COORDINATOR },
    labels: { preset: 'text', wire: 'text', optimizer: 'text', parameters: 'text' },
    help: 'Always 1; its labels say what is trained.',
  },

  // Is it learning?
  loss_nats: {
    ...{ type: 'gauge', unit: 'nats', labels: { split: ['train', 'validation'] }, on: COORDINATOR },
    help: 'Mean cross-entropy a character: of the last committed step, and of the last pass over the held-out text.',
  },
  gradient_norm: {
    ...{ type: 'gauge', unit: '1', labels: {}, on: COORDINATOR },
    help: 'Euclidean norm of the mean gradient of the last committed step, before it was clipped.',
  },
  learning_rate: {
    ...{ type: 'gauge', unit: '1', labels: {}, on: COORDINATOR },
    help: 'Size of an update.',
  },
  nonfinite_gradients_total: {
    ...{ type: 'counter', unit: 'gradients', labels: {}, on: COORDINATOR },
    help: 'Gradients of shards that held a value that is no finite number; a shard is then computed by somebody else.',
  },

  // How fast?
  steps_total: {
    ...{ type: 'counter', unit: 'steps', labels: {}, on: COORDINATOR },
    help: 'Steps in the journal, of all lives of the coordinator: it goes on where the life before ended.',
  },
  steps_replayed_total: {
    ...{ type: 'counter', unit: 'steps', labels: {}, on: COORDINATOR },
    help: 'Steps that were computed again, to come back to where the journal ends.',
  },
  tokens_total: {
    ...{ type: 'counter', unit: 'characters', labels: {}, on: COORDINATOR },
    help: 'Characters learnt from in the steps of the journal.',
  },
  model_flops_total: {
    ...{ type: 'counter', unit: 'operations', labels: {}, on: COORDINATOR },
    help: 'Floating-point operations that the model needs for those characters, forward and backward.',
  },
  step_duration_seconds: {
    ...{ type: 'histogram', unit: 'seconds', labels: {}, buckets: STEP_SECONDS, on: COORDINATOR },
    help: 'Time from the beginning of a step to its update, of every step in the journal.',
  },
  step_phase_seconds_total: {
    ...{ type: 'counter', unit: 'seconds', labels: { phase: PHASES }, on: COORDINATOR },
    help: 'Time of steps by what they waited for; the phases of a step add up to its duration.',
  },
  bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: { direction: ['in', 'out'], kind: ['gradient', 'mean', 'replica', 'windows', 'control'] },
    on: COORDINATOR,
    help: 'Bytes that the coordinator received and sent; what workers exchange with each other is not among them.',
  },

  // Who is slow, and what waits on what?
  worker_compute_seconds: {
    ...{ type: 'histogram', unit: 'seconds', labels: { worker: 'slot' }, buckets: STEP_SECONDS, on: BOTH },
    help: 'Time a worker took for a shard, forward and backward.',
  },
  worker_busy_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    labels: { worker: 'slot', task: ['gradient', 'apply', 'exchange', 'load', 'snapshot', 'evaluate', 'sample'] },
    on: BOTH,
    help: 'Time a worker spent on its tasks; what is missing to the time that passed it waited.',
  },
  worker_tokens_total: {
    ...{ type: 'counter', unit: 'characters', labels: { worker: 'slot' }, on: BOTH },
    help: 'Characters of the shards that a worker computed, those for nothing included.',
  },
  worker_resident_memory_bytes: {
    ...{ type: 'gauge', unit: 'bytes', labels: { worker: 'slot' }, on: BOTH },
    help: 'Memory of a worker process, as it said last.',
  },
  worker_cpu_seconds_total: {
    ...{ type: 'counter', unit: 'seconds', labels: { worker: 'slot' }, on: BOTH },
    help: 'Processor time of a worker process since its start, as it said last.',
  },
  worker_heartbeat_timestamp_seconds: {
    ...{ type: 'gauge', unit: 'seconds', labels: { worker: 'slot' }, on: COORDINATOR },
    help: 'When a worker was heard of last, in seconds since 1970.',
  },
  worker_state: {
    type: 'gauge',
    unit: '1',
    labels: { worker: 'slot', state: ['preparing', 'waiting', 'syncing', 'ready', 'behind', 'draining'] },
    on: COORDINATOR,
    help: '1 for the state that a worker is in, 0 for the others.',
  },
  barrier_wait_seconds_total: {
    ...{ type: 'counter', unit: 'seconds', labels: { worker: 'slot' }, on: COORDINATOR },
    help: 'Time in which all others were done with a step and waited for this worker alone.',
  },

  // When will it finish?
  target_steps: {
    ...{ type: 'gauge', unit: 'steps', labels: {}, on: COORDINATOR },
    help: 'Steps that the run is to make.',
  },
  steps_committed: {
    ...{ type: 'gauge', unit: 'steps', labels: {}, on: COORDINATOR },
    help: 'Steps that the weights have been through; it goes back when a checkpoint has to be restored.',
  },
  epoch: {
    ...{ type: 'gauge', unit: '1', labels: {}, on: COORDINATOR },
    help: 'Passes over the text that have begun.',
  },
  run_active: {
    ...{ type: 'gauge', unit: '1', labels: {}, on: COORDINATOR },
    help: '1 from the start of a run until it has come to its end.',
  },
  last_commit_timestamp_seconds: {
    ...{ type: 'gauge', unit: 'seconds', labels: {}, on: COORDINATOR },
    help: 'When the last step went to the journal, in seconds since 1970; the start of the coordinator before that.',
  },
  deadline_timestamp_seconds: {
    ...{ type: 'gauge', unit: 'seconds', labels: {}, on: COORDINATOR },
    help: 'When the run should be done (--deadline), in seconds since 1970; 0 without one.',
  },

  // Will it survive?
  workers: {
    type: 'gauge',
    unit: 'workers',
    labels: { state: ['preparing', 'waiting', 'syncing', 'ready', 'behind', 'draining'] },
    on: COORDINATOR,
    help: 'Workers by state; those that are ready compute.',
  },
  workers_wanted: {
    ...{ type: 'gauge', unit: 'workers', labels: {}, on: COORDINATOR },
    help: 'Workers that the run waits for before it begins (--min-workers).',
  },
  shards: {
    ...{ type: 'gauge', unit: 'shards', labels: {}, on: COORDINATOR },
    help: 'Shards that each batch is cut into.',
  },
  shards_redispatched_total: {
    ...{ type: 'counter', unit: 'shards', labels: { reason: ['lost', 'late', 'other'] }, on: COORDINATOR },
    help: 'Shards given to another worker, because the one that had them was lost or late, or its answer in doubt.',
  },
  gradients_rejected_total: {
    ...{ type: 'counter', unit: 'messages', labels: { reason: REJECTIONS }, on: COORDINATOR },
    help: 'Gradients and other messages of workers that were not applied, and why; late ones are harmless.',
  },
  worker_exits_total: {
    ...{ type: 'counter', unit: 'workers', labels: { reason: ['lost', 'left', 'quarantined'] }, on: COORDINATOR },
    help: 'Workers that have gone: lost without a word, left as they were told, or not let in again.',
  },
  faults_total: {
    ...{ type: 'counter', unit: 'faults', labels: { kind: FAULT_KINDS }, on: COORDINATOR },
    help: 'Faults that the run has met, of all lives of the coordinator; none of them changes its result.',
  },
  checkpoints_total: {
    ...{ type: 'counter', unit: 'checkpoints', labels: {}, on: COORDINATOR },
    help: 'Checkpoints written, of all lives of the coordinator.',
  },
  checkpoint_failures_total: {
    ...{ type: 'counter', unit: 'checkpoints', labels: {}, on: COORDINATOR },
    help: 'Attempts to write a checkpoint that the disk refused, or that were given up for a newer one.',
  },
  checkpoint_seconds: {
    ...{ type: 'histogram', unit: 'seconds', labels: {}, buckets: STEP_SECONDS, on: COORDINATOR },
    help: 'Time to write a checkpoint, while the run goes on.',
  },
  last_checkpoint_timestamp_seconds: {
    ...{ type: 'gauge', unit: 'seconds', labels: {}, on: COORDINATOR },
    help: 'When the last checkpoint was written, in seconds since 1970: what came after it is at risk.',
  },
  checkpoint_interval_seconds: {
    ...{ type: 'gauge', unit: 'seconds', labels: {}, on: COORDINATOR },
    help: 'How often a checkpoint is due (--checkpoint-every); of a number of steps, at the pace of the latest ones.',
  },
  term: {
    ...{ type: 'gauge', unit: '1', labels: {}, on: COORDINATOR },
    help: 'Number of this life of the coordinator, from 1.',
  },

  // What did the faults cost?
  run_seconds_total: {
    ...{ type: 'counter', unit: 'seconds', labels: { state: RUN_STATES }, on: COORDINATOR },
    help: 'Time of this run by what came of it; productive over all of them is its goodput.',
  },

  // Can the bits be trusted?
  replica_mismatches_total: {
    ...{ type: 'counter', unit: 'replicas', labels: {}, on: COORDINATOR },
    help: 'Times that weights of a worker differed from those of the others; it is given theirs.',
  },
  replay_mismatches_total: {
    ...{ type: 'counter', unit: 'steps', labels: {}, on: COORDINATOR },
    help: 'Steps computed again with other bits than the journal has; each ends the run.',
  },
  audit_mismatches_total: {
    ...{ type: 'counter', unit: 'shards', labels: {}, on: COORDINATOR },
    help: 'Shards for which two workers gave different bits.',
  },
  auth_failures_total: {
    type: 'counter',
    unit: 'peers',
    labels: { reason: ['other-run', 'other-version', 'not-a-member'] },
    on: COORDINATOR,
    help: 'Messages of peers that have no business here, and why.',
  },
} as const satisfies Catalogue;

export type MetricName = keyof typeof CATALOGUE;

/** What every name begins with. */
export const PREFIX = 'lockstep_';
