/**
 * The metrics of a run, kept by the process that leads it: fed by the moments of its loop, the events of the run and
 * what earlier lives have left on the disk.
 */
import { parseCadence } from '@lockstep/config';
import { countAnswer, countVitals, MetricSet, PHASES, RUN_STATES } from '@lockstep/metrics';
import type { CoordinatorMessage, CoordinatorState, Vitals, WorkerMessage } from '@lockstep/protocol';
import type { Clock, Moment } from '@lockstep/runtime';
import type { RunEvent } from '../train/events.js';
import { countEvent, faultIn } from './count-event.js';
import { RunClock } from './run-clock.js';
import type { RunTimeState } from './run-clock.js';
import { setGauges } from './run-gauges.js';
import { StepAccountant } from './step-account.js';
import type { StepAccount } from './step-account.js';

/** What a line of the journal says that is counted. */
export interface CountedStep {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly characters: number;
  readonly seconds: number;
}

export interface RunFacts {
  readonly runId: string;
  readonly version: string;
  readonly engine: string;
  readonly device: string;
  readonly preset: string;
  readonly wire: string;
  readonly optimizer: string;
  readonly parameters: number;
  readonly flopsPerCharacter: number;
  readonly totalSteps: number;
  readonly minWorkers: number;
  readonly learningRate: number;
  readonly term: number;
  readonly checkpointEvery: string | number;
  /** When the run should be done, in seconds since 1970; null when nobody has said. */
  readonly deadlineSeconds: number | null;
}

interface Ports {
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly unixNow: () => number;
  readonly state: () => CoordinatorState;
}

/** Numbers for people who watch, that are no one metric. */
export interface RunFigures {
  readonly phaseSeconds: Readonly<Record<string, number>>;
  readonly runSeconds: Readonly<Record<string, number>>;
  readonly workers: ReadonlyMap<number, { readonly barrierWaitSeconds: number; readonly vitals: Vitals | undefined }>;
}

/** Of a run that nobody counts. */
export const NO_FIGURES: RunFigures = { phaseSeconds: {}, runSeconds: {}, workers: new Map() };

/** Phases of the machine in which a step goes on; its time is counted at its end. */
const IN_STEP: ReadonlySet<CoordinatorState['phase']['name']> = new Set(['computing', 'reducing', 'exchanging']);

export class RunMetrics {
  readonly #metrics = new MetricSet('coordinator');
  readonly #facts: RunFacts;
  readonly #ports: Ports;
  readonly #accountant = new StepAccountant();
  readonly #clock: RunClock;
  readonly #phaseSeconds = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
  readonly #runSeconds = new Map<string, number>(RUN_STATES.map((state) => [state, 0]));
  readonly #barrierWaits = new Map<number, number>();
  readonly #vitals = new Map<number, Vitals>();
  /** Slots that have series. */
  readonly #present = new Set<number>();
  /** What has not been looked at yet, the oldest first. */
  #moments: Moment[] = [];
  #stepSeconds = 0;
  #hasBegun = false;
  /** What the time since the last step was seen to be spent on. */
  #gap: RunTimeState | null = null;
  #replayUntil = 0;
  /** What went wrong in the step that goes on, for shards that are given to somebody else. */
  #trouble: 'lost' | 'late' | 'other' = 'other';

  constructor(facts: RunFacts, ports: Ports) {
    this.#facts = facts;
    this.#ports = ports;
    this.#gap = facts.term > 1 ? 'recovery' : 'startup';
    this.#clock = new RunClock(ports.clock.now(), (state, seconds) => this.#spend(state, seconds));
    const metrics = this.#metrics;
    metrics.setRun(facts.runId);
    const { version, engine, device, preset, wire, optimizer, parameters } = facts;
    metrics.set('build_info', { version, node: process.version, engine, device }, 1);
    metrics.set('run_info', { preset, wire, optimizer, parameters: String(parameters) }, 1);
    metrics.set('target_steps', {}, facts.totalSteps);
    metrics.set('workers_wanted', {}, facts.minWorkers);
    metrics.set('learning_rate', {}, facts.learningRate);
    metrics.set('term', {}, facts.term);
    metrics.set('deadline_timestamp_seconds', {}, facts.deadlineSeconds ?? 0);
    metrics.set('last_commit_timestamp_seconds', {}, ports.unixNow() / 1000);
  }

  /** What earlier lives have left: lines of the journal, and events that were recorded. */
  restore(steps: readonly CountedStep[], events: readonly (RunEvent & { readonly at: string })[]): void {
    for (const step of steps) this.#countStep(step);
    for (const event of events) {
      countEvent(this.#metrics, event);
      if (event.event === 'checkpoint') this.#checkpointed(Date.parse(event.at));
    }
  }

  /** Told while workers wait for the coordinator: what it means is found out when they have what they need. */
  readonly probe = (moment: Moment): void => {
    this.#moments.push(moment);
    if (this.#moments.length === 1) setImmediate(() => this.#catchUp());
  };

  /** To be called now and then: counts the time in which no step goes on. */
  look(): void {
    this.#catchUp();
    if (IN_STEP.has(this.#ports.state().phase.name)) return;
    this.#gap = this.#between();
    this.#accountant.abandon();
    this.#clock.pass(this.#gap, this.#ports.clock.now());
  }

  onEvent(event: RunEvent): void {
    const metrics = this.#metrics;
    if (event.event === 'step') {
      this.#countStep(event);
      metrics.set('last_commit_timestamp_seconds', {}, this.#ports.unixNow() / 1000);
      return;
    }
    if (event.event === 'assigned' || event.event === 'answered') return;
    this.#catchUp();
    countEvent(metrics, event);
    if (faultIn(event) !== null) this.#clock.faulted();
    if (event.event === 'late') this.#trouble = 'late';
    if (event.event === 'checkpoint') this.#checkpointed(this.#ports.unixNow());
    if (event.event === 'coordinator') this.#clock.add('recovery', event.downSeconds);
    if (event.event === 'recovered') this.#replayUntil = event.replayUntil;
    if (event.event === 'worker') this.#worker(event.worker, event.status);
  }

  /** What a scrape is given. */
  async text(): Promise<string> {
    const { clock, unixNow, state } = this.#ports;
    this.look();
    setGauges(this.#metrics, state(), clock.now(), unixNow());
    this.#metrics.set('checkpoint_interval_seconds', {}, this.#checkpointInterval());
    return this.#metrics.text();
  }

  get contentType(): string {
    return this.#metrics.contentType;
  }

  get figures(): RunFigures {
    this.#catchUp();
    const workers = [...this.#present].map(
      (slot) =>
        [slot, { barrierWaitSeconds: this.#barrierWaits.get(slot) ?? 0, vitals: this.#vitals.get(slot) }] as const,
    );
    return {
      phaseSeconds: Object.fromEntries(this.#phaseSeconds),
      runSeconds: Object.fromEntries(this.#runSeconds),
      workers: new Map(workers),
    };
  }

  #catchUp(): void {
    const moments = this.#moments;
    this.#moments = [];
    for (const moment of moments) this.#take(moment);
  }

  #take(moment: Moment): void {
    if (moment.type === 'sent') this.#sent(moment);
    if (moment.type === 'received') this.#received(moment);
    if (moment.type === 'step-begun') this.#stepBegun(moment.atMs);
    if (moment.type === 'saved') {
      this.#metrics.observe('checkpoint_seconds', {}, (moment.endedMs - moment.beganMs) / 1000);
    }
    const account = this.#accountant.take(moment);
    if (account !== null) this.#stepEnded(account);
  }

  #sent({ message, bytes }: Extract<Moment, { type: 'sent' }>): void {
    this.#metrics.add('bytes_total', { direction: 'out', kind: kindOut(message) }, bytes);
    if (message.type === 'assign' && message.attempt > 0) {
      this.#metrics.add('shards_redispatched_total', { reason: this.#trouble });
    }
  }

  #received({ peer, message, times, vitals, bytes }: Extract<Moment, { type: 'received' }>): void {
    this.#metrics.add('bytes_total', { direction: 'in', kind: kindIn(message) }, bytes);
    const worker = this.#accountant.slotOf(peer);
    if (worker === undefined || !this.#present.has(worker)) return;
    countAnswer(this.#metrics, worker, message, times);
    if (vitals === undefined) return;
    countVitals(this.#metrics, worker, vitals, this.#vitals.get(worker));
    this.#vitals.set(worker, vitals);
  }

  #worker(slot: number, status: string): void {
    if (status === 'gone' || status === 'left') {
      this.#trouble = 'lost';
      this.#forget(slot);
    } else if (!this.#present.has(slot)) {
      this.#present.add(slot);
      this.#metrics.addWorker(slot);
    }
  }

  #forget(slot: number): void {
    this.#present.delete(slot);
    this.#vitals.delete(slot);
    this.#barrierWaits.delete(slot);
    this.#accountant.forget(slot);
    this.#metrics.removeWorker(slot);
  }

  #countStep({ loss, gradientNorm, characters, seconds }: CountedStep): void {
    const metrics = this.#metrics;
    metrics.add('steps_total', {});
    metrics.add('tokens_total', {}, characters);
    metrics.add('model_flops_total', {}, characters * this.#facts.flopsPerCharacter);
    metrics.observe('step_duration_seconds', {}, seconds);
    metrics.set('loss_nats', { split: 'train' }, loss);
    metrics.set('gradient_norm', {}, gradientNorm);
    this.#stepSeconds = seconds;
  }

  #stepEnded(account: StepAccount): void {
    const isReplay = account.step < this.#replayUntil;
    if (isReplay) this.#metrics.add('steps_replayed_total', {});
    this.#clock.step(account, isReplay, account.endedMs);
    for (const phase of PHASES) {
      const seconds = account.phasesMs[phase] / 1000;
      this.#metrics.add('step_phase_seconds_total', { phase }, seconds);
      this.#phaseSeconds.set(phase, (this.#phaseSeconds.get(phase) ?? 0) + seconds);
    }
    const { blame } = account;
    if (blame === null || !this.#present.has(blame.worker)) return;
    const waited = blame.waitMs / 1000;
    this.#metrics.add('barrier_wait_seconds_total', { worker: blame.worker }, waited);
    this.#barrierWaits.set(blame.worker, (this.#barrierWaits.get(blame.worker) ?? 0) + waited);
  }

  #checkpointed(unixMs: number): void {
    this.#metrics.set('last_checkpoint_timestamp_seconds', {}, unixMs / 1000);
  }

  #stepBegun(nowMs: number): void {
    this.#clock.pass(this.#gap ?? 'productive', nowMs);
    this.#gap = null;
    this.#hasBegun = true;
    this.#trouble = 'other';
  }

  /** What time is spent on while no step goes on. */
  #between(): RunTimeState {
    const { phase, settings, workers } = this.#ports.state();
    if (!this.#hasBegun) return settings.resumption === null ? 'startup' : 'recovery';
    if (phase.name === 'gathering' || workers.size === 0) return 'waiting';
    if (phase.name === 'recovering' || phase.name === 'levelling') return 'recovery';
    return phase.name === 'saving' ? 'checkpoint' : 'productive';
  }

  #spend(state: RunTimeState, seconds: number): void {
    this.#metrics.add('run_seconds_total', { state }, seconds);
    this.#runSeconds.set(state, (this.#runSeconds.get(state) ?? 0) + seconds);
  }

  #checkpointInterval(): number {
    const cadence = parseCadence(this.#facts.checkpointEvery);
    return 'ms' in cadence ? cadence.ms / 1000 : cadence.steps * this.#stepSeconds;
  }
}

type ByteKind = 'gradient' | 'mean' | 'replica' | 'windows' | 'control';

function kindOut({ type }: CoordinatorMessage): ByteKind {
  if (type === 'assign' || type === 'evaluate') return 'windows';
  if (type === 'update') return 'mean';
  return type === 'replica' ? 'replica' : 'control';
}

function kindIn({ type }: WorkerMessage): ByteKind {
  if (type === 'gradient' || type === 'shipped') return 'gradient';
  return type === 'snapshot' ? 'replica' : 'control';
}
