/** What is true of a run at the moment it is asked: taken from its state when somebody looks, and at no other time. */
import type { MetricSet } from '@lockstep/metrics';
import type { CoordinatorState, WorkerRecord } from '@lockstep/protocol';

const WORKER_STATES = ['preparing', 'waiting', 'syncing', 'ready', 'behind', 'draining'] as const;
type ShownWorkerState = (typeof WORKER_STATES)[number];

function shownState({ status, drainingSinceMs }: WorkerRecord): ShownWorkerState {
  return drainingSinceMs === null ? status : 'draining';
}

/** @param unixMs what the clock on the wall says when the loop's clock says `nowMs` */
export function setGauges(metrics: MetricSet, state: CoordinatorState, nowMs: number, unixMs: number): void {
  const { settings, step, phase, workers, plans } = state;
  const counts = new Map<ShownWorkerState, number>(WORKER_STATES.map((one) => [one, 0]));
  for (const worker of workers.values()) {
    const shown = shownState(worker);
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
    const { slot } = worker;
    for (const one of WORKER_STATES) {
      metrics.set('worker_state', { worker: slot, state: one }, one === shown ? 1 : 0);
    }
    const heard = (unixMs - (nowMs - worker.heardAtMs)) / 1000;
    metrics.set('worker_heartbeat_timestamp_seconds', { worker: slot }, heard);
  }
  for (const [one, count] of counts) metrics.set('workers', { state: one }, count);
  metrics.set('steps_committed', {}, step);
  metrics.set('epoch', {}, Math.ceil(step / settings.stepsPerEpoch));
  metrics.set('shards', {}, plans.at(-1)?.shards.length ?? 0);
  metrics.set('run_active', {}, phase.name === 'ended' ? 0 : 1);
}
