/**
 * The cluster of one seed: a coordinator that is started again when it ends too early, workers that are where somebody
 * looks after them, one network, one disk. Faults come from outside, by the methods here.
 */
import type { LockstepError } from '@lockstep/config';
import { randomStream } from '@lockstep/data';
import type { RandomStream } from '@lockstep/data';
import type { ComputeTask, CoordinatorOutcome, Failure, Report, WorkerOutcome } from '@lockstep/protocol';
import type { Replica } from '@lockstep/runtime';
import { createMemoryNetwork } from '@lockstep/transport/memory';
import type { MemoryNetwork } from '@lockstep/transport/memory';
import { CoordinatorLife } from './coordinator-life.js';
import type { ComputeTaskType, SeedOptions } from './options.js';
import { Outside, RunJournal } from './run-journal.js';
import { Tally } from './tally.js';
import type { ToyCompute } from './toy-compute.js';
import { Reference } from './toy-model.js';
import { Trace } from './trace.js';
import { VirtualClock } from './virtual-clock.js';
import { VirtualDisk } from './virtual-disk.js';
import { newestCheckpoint } from './virtual-store.js';
import { WorkerLife } from './worker-life.js';
import type { Surroundings } from './worker-life.js';

/** Where a worker of the cluster belongs, over its restarts. */
export interface Place {
  readonly index: number;
  name: string;
  readonly supervised: boolean;
  life: WorkerLife | undefined;
  restarts: number;
  /** How much longer each task takes now. */
  delayMs: number;
  /** Ends the process in the n-th task of a type from now on. */
  deadly: { readonly task: ComputeTaskType; left: number } | undefined;
}

/** Times of tasks in units of the time of a shard, and their least. */
const TASK_TIMES: Readonly<Record<ComputeTaskType, readonly [number, number]>> = {
  prepare: [1, 50],
  load: [0.1, 2],
  gradient: [1, 0],
  apply: [0.1, 1],
  snapshot: [0.1, 2],
  evaluate: [0.5, 1],
  sample: [1, 1],
};
/** Workers that must have been lost while they computed a shard before the shard may be blamed. */
const VICTIMS_MIN = 3;
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 3_000;

export class Cluster {
  readonly options: SeedOptions;
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly disk: VirtualDisk;
  readonly outside = new Outside();
  readonly journal: RunJournal;
  readonly trace: Trace | undefined;
  readonly tally = new Tally();
  readonly places: Place[] = [];
  readonly violations: string[] = [];
  readonly reference: Reference;
  coordinator: CoordinatorLife | undefined;
  /** How the run ended; undefined while it goes on. */
  outcome: CoordinatorOutcome | LockstepError | undefined;
  /** Everything is whole again: whoever ends from now on is started again at once. */
  isHealed = false;
  /** Why a wrong result would be nobody's fault; an audit needs two workers. */
  excuse: string | undefined;
  /** Workers that ended while they computed. */
  killsInGradients = 0;
  /** Actions of the coordinator until it is killed by one. */
  deadlyAction: number | undefined;
  readonly #world: Surroundings;
  readonly #digest: (bytes: Uint8Array) => string;
  readonly #random: RandomStream;
  #peerCount = 0;
  #lifeCount = 0;
  #coordinatorFailures = 0;
  readonly #liars: ToyCompute[] = [];
  #lastPeers: readonly string[] = [];

  constructor(seed: number, options: SeedOptions, digest: (bytes: Uint8Array) => string, isTraced: boolean) {
    this.options = options;
    this.#digest = digest;
    this.#random = randomStream(seed, 'cluster');
    this.network = createMemoryNetwork({ seed, clock: this.clock, faults: options.network });
    this.disk = new VirtualDisk(this.clock, randomStream(seed, 'disk'), options.disk);
    this.journal = new RunJournal(this.disk, this.outside);
    this.trace = isTraced ? new Trace(this.clock) : undefined;
    this.reference = new Reference(digest, options.wire, (step) => this.journal.shardsOf(step, options.batchSize));
    const violated = (what: string): void => this.violate(what);
    const { clock, network, reference, trace } = this;
    this.#world = { clock, network, digest: this.#digest, reference, wire: options.wire, trace, violated };
  }

  violate(what: string): void {
    this.violations.push(`at ${(this.clock.now() / 1000).toFixed(4)} s: ${what}`);
    this.trace?.add('CHECK', what);
  }

  start(): void {
    this.startCoordinator();
    for (const supervised of this.options.supervised) this.addWorker(supervised);
  }

  addWorker(supervised: boolean): void {
    const index = this.places.length;
    const place: Place = {
      ...{ index, name: `w${index}`, supervised, life: undefined, restarts: 0, delayMs: 0, deadly: undefined },
    };
    this.places.push(place);
    this.startWorker(place);
  }

  startWorker(place: Place): void {
    if (place.life !== undefined || this.outcome !== undefined) return;
    const peer = `${place.name}.${(this.#peerCount += 1)}`;
    place.life = new WorkerLife(this.#world, {
      ...{ peer, name: place.name, supervised: place.supervised },
      durationMs: (type) => this.#durationMs(place, type),
      onBegin: (life, task) => this.#onTask(place, life, task),
      onLie: (lie) => this.tally.count(`answered: ${lie}`),
      onExit: (life, outcome) => this.#onWorkerExit(place, life, outcome),
    });
  }

  killWorker(place: Place, reason = 'killed'): boolean {
    const { life } = place;
    if (life === undefined) return false;
    this.trace?.add(life.peer, reason);
    this.tally.count(`worker killed in ${life.compute.task ?? 'nothing'}`);
    this.#releaseWorker(place, life);
    life.process.end();
    this.#afterWorker(place, life, reason, true);
    return true;
  }

  startCoordinator(): void {
    if (this.coordinator !== undefined || this.outcome !== undefined) return;
    const awaitedPeers = this.#lastPeers;
    this.coordinator = new CoordinatorLife(this.#world, {
      ...{ incarnation: `c${(this.#lifeCount += 1)}`, options: this.options, awaitedPeers },
      ...{ disk: this.disk, journal: this.journal },
      holdsLock: (life) => this.coordinator === life,
      onAction: (life) => this.#onAction(life),
      onReport: (report) => this.#onReport(report),
      onEnd: (life, outcome) => this.#onCoordinatorEnd(life, outcome),
    });
  }

  /** @returns whether there was one */
  killCoordinator(): boolean {
    const life = this.coordinator;
    if (life === undefined) return false;
    const moment = life.loop?.state.phase.name ?? 'starting';
    this.trace?.add(life.process.name, `killed while ${moment}`);
    this.tally.count(`coordinator killed while ${moment}`);
    this.#leaveCoordinator();
    life.process.end();
    this.#later(RESTART_MS_MIN, RESTART_MS_MAX, () => this.startCoordinator());
    return true;
  }

  /** The coordinator stands still and another one takes its place; the first one wakes up and knows nothing of it. */
  usurpCoordinator(forMs: number): boolean {
    const life = this.coordinator;
    if (life === undefined) return false;
    life.process.pause();
    life.closeServer();
    this.#leaveCoordinator();
    this.#later(1, 500, () => this.startCoordinator());
    this.clock.after(forMs, () => life.process.resume());
    return true;
  }

  /** A worker whose next answer is finite and wrong. */
  makeLiar(compute: ToyCompute): void {
    compute.lie = 'wrong gradient';
    this.#liars.push(compute);
  }

  /** Runs something of the process of a worker later. */
  #later(leastMs: number, mostMs: number, callback: () => void): void {
    this.clock.after(leastMs + this.#random.uniform() * (mostMs - leastMs), callback);
  }

  #leaveCoordinator(): void {
    this.coordinator = undefined;
    this.#lastPeers = this.places.flatMap(({ life }) => (life === undefined ? [] : [life.peer]));
  }

  #durationMs(place: Place, type: ComputeTaskType): number {
    const [factor, leastMs] = TASK_TIMES[type];
    return leastMs + factor * this.options.computeMs * (0.7 + 0.6 * this.#random.uniform()) + place.delayMs;
  }

  #onTask(place: Place, life: WorkerLife, task: ComputeTask): void {
    this.trace?.add(life.peer, `begins ${task.type}`);
    const { deadly } = place;
    if (deadly?.task !== task.type || (deadly.left -= 1) > 0) return;
    place.deadly = undefined;
    this.tally.count('kill worker in task');
    const atMs = this.#random.uniform() * this.options.computeMs;
    this.clock.after(atMs, () => place.life === life && this.killWorker(place, `killed in ${task.type}`));
  }

  #onAction(life: CoordinatorLife): void {
    if (this.deadlyAction === undefined || this.coordinator !== life || (this.deadlyAction -= 1) > 0) return;
    this.deadlyAction = undefined;
    this.tally.count('kill coordinator at action');
    this.killCoordinator();
  }

  #onReport(report: Report): void {
    if (report.type === 'rejected') this.tally.rejected(report.reason);
    else this.tally.reported(report.type);
  }

  #onWorkerExit(place: Place, life: WorkerLife, outcome: WorkerOutcome): void {
    if (place.life !== life) return;
    this.#releaseWorker(place, life);
    const isFailure = outcome.result === 'failed';
    if (isFailure && outcome.failure.what.includes('quarantined')) place.name = `${place.name}'`;
    this.#afterWorker(place, life, `exited: ${outcome.result}`, isFailure);
  }

  /** A paused or cut off process that ends leaves nothing behind in the network. */
  #releaseWorker(place: Place, life: WorkerLife): void {
    place.life = undefined;
    place.delayMs = 0;
    if (life.compute.task === 'gradient') this.killsInGradients += 1;
    for (const direction of ['to client', 'to server'] as const) this.network.unclog(life.peer, direction);
    this.network.heal(life.peer);
  }

  /** Whoever looks after a worker starts it again, and tells the coordinator on the same machine. */
  #afterWorker(place: Place, life: WorkerLife, reason: string, isFailure: boolean): void {
    if (place.supervised) {
      this.#later(1, 20, () => {
        this.coordinator?.process.enter(() => this.coordinator?.loop?.peerGone(life.peer, reason));
      });
    }
    if (!this.isHealed && (!place.supervised || !isFailure)) return;
    place.restarts += 1;
    this.#later(RESTART_MS_MIN, RESTART_MS_MAX, () => this.startWorker(place));
  }

  #onCoordinatorEnd(life: CoordinatorLife, outcome: CoordinatorOutcome | LockstepError): void {
    if (this.coordinator !== life) {
      this.tally.count('usurped coordinator ended');
      return;
    }
    if ('result' in outcome && outcome.result === 'stopped') {
      this.tally.count('stopped and resumed');
      this.#leaveCoordinator();
      this.#later(RESTART_MS_MIN, RESTART_MS_MAX, () => this.#resumeAfterStop());
      return;
    }
    const kind = 'result' in outcome ? outcome.result === 'failed' && outcome.failure.kind : outcome.kind;
    if (kind === 'retry' && (this.#coordinatorFailures += 1) <= 3) {
      this.tally.count('run failed and resumed');
      this.#leaveCoordinator();
      this.#later(RESTART_MS_MIN, RESTART_MS_MAX, () => this.#resumeAfterStop());
      return;
    }
    this.outcome = outcome;
  }

  /** The step for which a finite, wrong answer was given. */
  liedAt(): number | undefined {
    return this.#liars.find(({ liedAt }) => liedAt !== undefined)?.liedAt;
  }

  newestCheckpoint(): Replica | undefined {
    return newestCheckpoint(this.disk, this.#digest, Infinity);
  }

  /** Why a run had to fail after these faults; null when it had not to. */
  justify({ kind, what }: Failure): string | null {
    if (kind === 'internal' && what.includes('shard') && this.killsInGradients >= VICTIMS_MIN) return 'poison shard';
    return null;
  }

  #resumeAfterStop(): void {
    this.startCoordinator();
    for (const place of this.places) this.startWorker(place);
  }
}
