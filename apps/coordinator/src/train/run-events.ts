/** What the machine reports and how a run begins, in the words of the views. */
import type { CoordinatorSettings, Report } from '@lockstep/protocol';
import { copyToIntegers } from '@lockstep/runtime';
import type { Assignment } from '../supervise/messages.js';
import { EVENTS_CONTRACT } from './event-schema.js';
import type { RunEvent, RunView } from './events.js';
import type { OpenedRun } from './open-run.js';
import type { RunPlan } from './plan-run.js';

export function startEvent(
  { plan, directory, transport }: OpenedRun,
  { runId, engine }: Assignment,
  { resumption }: CoordinatorSettings,
): RunEvent {
  return {
    event: 'start',
    contract: EVENTS_CONTRACT,
    runId,
    runDirectory: directory.path,
    endpoint: transport.endpoint,
    preset: plan.options.preset,
    presetChosen: plan.options.presetChosen,
    engine: engine.label,
    device: engine.device,
    workers: plan.options.workers,
    minWorkers: plan.options.minWorkers,
    totalSteps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    parameters: plan.layout.length,
    config: plan.config,
    resumedAt: resumption?.journalled ?? null,
  };
}

/** Passes reports on to a view, and remembers the few that the summary and the run file need. */
export class RunObserver {
  readonly #plan: RunPlan;
  readonly #view: RunView;
  readonly #secondsPerShard = new Map<number, number>();
  #validationLoss: number | null = null;
  #onMembers: () => void = () => undefined;

  constructor(plan: RunPlan, view: RunView) {
    this.#plan = plan;
    this.#view = view;
  }

  observe(report: Report): void {
    if (report.type === 'validation') this.#validationLoss = report.loss;
    if (report.type === 'answered') this.#secondsPerShard.set(report.slot, report.computeMs / 1000);
    this.#view.show(toEvent(report, this.#plan));
    if (report.type === 'worker') this.#onMembers();
  }

  /** Calls the listener whenever a worker joins, changes its state or leaves. */
  onMembers(listener: () => void): void {
    this.#onMembers = listener;
  }

  /** The latest; null when none was taken. */
  get validationLoss(): number | null {
    return this.#validationLoss;
  }

  /** Seconds that each worker, by slot, computed on its last shard. */
  get secondsPerShard(): ReadonlyMap<number, number> {
    return this.#secondsPerShard;
  }
}

/** Reports of the machine in the words of the views. */
function toEvent(report: Report, plan: RunPlan): RunEvent {
  switch (report.type) {
    case 'worker':
      return { event: 'worker', worker: report.slot, status: report.status, detail: report.detail };
    case 'validation':
      return { event: 'validation', step: report.step, loss: report.loss, characters: report.characters };
    case 'sample':
      return sampleEvent(report, plan);
    case 'warning':
      return { event: 'warning', text: report.what };
    case 'mismatch':
      return { event: 'mismatch', kind: report.kind, text: report.what };
    case 'rejected':
      return { event: 'rejected', worker: report.slot, reason: report.reason, detail: report.detail };
    case 'late':
      return lateEvent(report);
    case 'recovered':
      return { event: 'recovered', from: report.from, step: report.step, replayUntil: report.replayUntil };
    case 'topology':
      return { event: 'topology', topology: report.topology, why: report.why };
    case 'plan':
      return { event: 'plan', fromStep: report.fromStep + 1, shards: report.shards };
    case 'quarantined':
      return { event: 'quarantined', name: report.name, detail: report.detail };
    case 'assigned':
      return { event: 'assigned', step: report.step, shards: report.shards };
    case 'answered':
      return { event: 'answered', step: report.step, worker: report.slot, computeSeconds: report.computeMs / 1000 };
  }
}

function lateEvent(report: Extract<Report, { type: 'late' }>): RunEvent {
  const { slot, name, host, step, activity, waitedMs, medians } = report;
  return { event: 'late', worker: slot, name, host, step: step + 1, activity, waitedSeconds: waitedMs / 1000, medians };
}

function sampleEvent({ step, payload }: Extract<Report, { type: 'sample' }>, plan: RunPlan): RunEvent {
  const text = plan.vocabulary.decode(copyToIntegers(payload));
  return { event: 'sample', step, isLast: step >= plan.totalSteps, prime: plan.prime, text };
}
