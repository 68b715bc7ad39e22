/**
 * What the answers and heartbeats of a worker say about it, as metrics. Worker and coordinator count with the very same
 * code: the one what it says, the other what it hears.
 */
import type { Times, Vitals, WorkerMessage } from '@lockstep/protocol';
import type { MetricSet } from './metric-set.js';

type Task = 'gradient' | 'apply' | 'exchange' | 'load' | 'snapshot' | 'evaluate' | 'sample';

/** @param worker slot of the worker that answers */
export function countAnswer(
  metrics: MetricSet,
  worker: number,
  message: WorkerMessage,
  times: Times | undefined,
): void {
  const task = taskOf(message);
  if (task === null || times === undefined) return;
  const seconds = times.workedMs / 1000;
  metrics.add('worker_busy_seconds_total', { worker, task }, seconds);
  if (message.type !== 'gradient') return;
  metrics.observe('worker_compute_seconds', { worker }, seconds);
  metrics.add('worker_tokens_total', { worker }, message.characters);
}

/** Null for what answers no task. */
function taskOf(message: WorkerMessage): Task | null {
  switch (message.type) {
    case 'gradient':
      return 'gradient';
    case 'applied':
      return 'apply';
    case 'exchanged':
      return 'exchange';
    case 'synced':
      return 'load';
    case 'snapshot':
      return message.part === 0 ? 'snapshot' : null;
    case 'evaluated':
      return 'evaluate';
    case 'sampled':
      return 'sample';
    default:
      return null;
  }
}

/** @param before what the same process said before; undefined for its first word */
export function countVitals(metrics: MetricSet, worker: number, vitals: Vitals, before: Vitals | undefined): void {
  metrics.set('worker_resident_memory_bytes', { worker }, vitals.residentBytes);
  const passed = vitals.cpuSeconds - (before?.cpuSeconds ?? 0);
  if (passed > 0) metrics.add('worker_cpu_seconds_total', { worker }, passed);
}
