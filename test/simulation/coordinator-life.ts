/**
 * One life of the coordinator, begun as the program begins it: take the lock, read the journal, write the term, look
 * for the newest checkpoint, then lead. It may be killed at any moment of that.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import { planShards } from '@lockstep/data';
import type { RunHistory } from '@lockstep/checkpoint';
import type { CoordinatorOutcome, CoordinatorSettings, Plan, Report, Resumption } from '@lockstep/protocol';
import { CoordinatorLoop, replicaPartCount, viewAsBytes } from '@lockstep/runtime';
import type { Batches, Replica, ServerTransport } from '@lockstep/runtime';
import type { SeedOptions } from './options.js';
import { JOURNAL } from './run-journal.js';
import type { RunJournal } from './run-journal.js';
import { initialReplica, LEARNING_RATE, LENGTH, SEQUENCE_LENGTH, toyWindows } from './toy-model.js';
import { spy } from './trace.js';
import type { VirtualDisk } from './virtual-disk.js';
import { VirtualProcess } from './virtual-process.js';
import { newestCheckpoint, VirtualStore, weightsDigest } from './virtual-store.js';
import { ENDPOINT, MAX_FRAME_BYTES, RUN } from './worker-life.js';
import type { Surroundings } from './worker-life.js';

/** Longer than any seed goes on: that nobody comes back is not what is tried here. */
const WORKER_TIMEOUT_MS = 3_600_000;
const BIND_AGAIN_MS = 20;
const SAMPLE = { prime: [1, 2], length: 2, temperature: 1, seed: 1 };

export interface CoordinatorSetting {
  readonly incarnation: string;
  readonly options: SeedOptions;
  readonly disk: VirtualDisk;
  readonly journal: RunJournal;
  readonly awaitedPeers: readonly string[];
  holdsLock(life: CoordinatorLife): boolean;
  /** Before each thing that it does to the outside; the process may be killed by it. */
  onAction(life: CoordinatorLife): void;
  onReport(report: Report): void;
  onEnd(life: CoordinatorLife, outcome: CoordinatorOutcome | LockstepError): void;
}

export class CoordinatorLife {
  readonly process: VirtualProcess;
  readonly store: VirtualStore;
  loop: CoordinatorLoop | undefined;
  #server: ServerTransport | undefined;
  readonly #world: Surroundings;
  readonly #setting: CoordinatorSetting;
  #wantsStop = false;

  constructor(world: Surroundings, setting: CoordinatorSetting) {
    this.#world = world;
    this.#setting = setting;
    this.process = new VirtualProcess(setting.incarnation, world.clock);
    this.process.onEnd(() => void this.#server?.close(0));
    const { options, disk, journal } = setting;
    this.store = new VirtualStore({
      ...{ disk, journal, process: this.process, digest: world.digest, stepsPerEpoch: options.stepsPerEpoch },
      onPlan: (fromStep) => world.reference.forget(fromStep),
      holdsLock: () => setting.holdsLock(this),
      onCall: () => setting.onAction(this),
    });
    this.#lead().then(
      (outcome) => this.process.enter(() => this.#end(outcome)),
      (error: unknown) => this.process.enter(() => this.#end(toLockstepError(error))),
    );
  }

  requestStop(): void {
    this.#wantsStop = true;
    this.process.enter(() => this.loop?.requestStop());
  }

  /** Takes its address away, as a network does that sends everybody to another machine. */
  closeServer(): void {
    void this.#server?.close(0);
  }

  #end(outcome: CoordinatorOutcome | LockstepError): void {
    const { trace } = this.#world;
    trace?.add(this.process.name, `ends: ${outcome instanceof Error ? outcome.message : JSON.stringify(outcome)}`);
    void (this.#server?.close(2_000) ?? Promise.resolve()).then(() =>
      this.process.enter(() => {
        this.process.end();
        this.#setting.onEnd(this, outcome);
      }),
    );
  }

  async #lead(): Promise<CoordinatorOutcome> {
    const { disk, journal, incarnation } = this.#setting;
    const history = await journal.read();
    await this.#pass();
    const sound = journal.soundLength(history);
    if (sound < disk.read(JOURNAL).length) await disk.truncate(JOURNAL, sound);
    // An earlier life may have been killed before it made the names of its files durable.
    await disk.flushFolder();
    await this.#pass();
    const term = history.term + 1;
    this.store.begin(history);
    await this.store.append({
      ...{ kind: 'term', term, incarnation, host: 'host', pid: 1, startedAt: '2026-01-01T00:00:00.000Z' },
      ...{ step: history.steps.length, computeClass: null },
    });
    const plans = await this.#plans(history);
    const newest = newestCheckpoint(disk, this.#world.digest, history.steps.length);
    const isFirst = newest === undefined;
    if (isFirst) {
      if (history.steps.length > 0) throw new LockstepError('data', 'no checkpoint is sound', 'start a new run');
      await this.store.checkpoint(initialReplica());
    }
    const settings = this.#settings(term, plans, history, newest);
    this.#server = await this.#bind();
    return await this.#run(settings, isFirst ? initialReplica() : null);
  }

  async #plans({ plans }: RunHistory): Promise<readonly Plan[]> {
    const { batchSize, shards } = this.#setting.options;
    if (plans.length > 0) {
      return plans.map(({ fromStep, shards: ranges }) => ({
        fromStep: fromStep - 1,
        shards: ranges.map(([rowStart, rowEnd], index) => ({ index, rowStart, rowEnd })),
      }));
    }
    const first = { fromStep: 0, shards: planShards(batchSize, shards) };
    await this.store.plan(first);
    return [first];
  }

  #settings(
    term: number,
    plans: readonly Plan[],
    history: RunHistory,
    newest: Replica | undefined,
  ): CoordinatorSettings {
    const { options, incarnation, awaitedPeers } = this.#setting;
    const first = initialReplica();
    const { vectors: _vectors, ...about } = first;
    const { batchSize, steps, stepsPerEpoch, minWorkers, digestEvery, checkpointEvery, audit } = options;
    const resumption: Resumption | null =
      newest === undefined
        ? null
        : {
            journalled: history.steps.length,
            journalledDigest: history.steps.at(-1)?.weightsDigest ?? null,
            checkpointStep: newest.step,
            awaitedPeers,
            comparesReplay: true,
          };
    return {
      ...{ run: RUN, term, incarnation, softwareVersion: '1', config: {}, fingerprint: 'f', layoutDigest: 'l' },
      ...{ batchSize, plans, sequenceLength: SEQUENCE_LENGTH, totalSteps: steps, stepsPerEpoch, minWorkers },
      ...{ learningRate: LEARNING_RATE, workerTimeoutMs: WORKER_TIMEOUT_MS, digestEvery, checkpointEvery, audit },
      ...{ seed: 1, evaluationRows: Array.from({ length: options.evaluationBatches }, () => 2), resumption },
      sample: options.samples ? { ...SAMPLE, every: { steps: 3 } } : null,
      initial: newest === undefined ? { ...about, digest: weightsDigest(this.#world.digest, first) } : null,
      ...{ replicaParts: replicaPartCount(first), gradientLength: LENGTH, clipNorm: null },
      ...{ sharedMemory: false, wire: options.wire, topology: options.topology },
      gradientCredit: options.gradientCredit,
      describeRows: (step, rowStart, rowEnd) => `rows ${rowStart} to ${rowEnd} of step ${step}`,
    };
  }

  async #bind(): Promise<ServerTransport> {
    for (;;) {
      try {
        return this.#world.network.bind({ endpoint: ENDPOINT, maxFrameBytes: MAX_FRAME_BYTES });
      } catch {
        await new Promise<void>((resolve) => this.process.clock.after(BIND_AGAIN_MS, resolve));
      }
    }
  }

  async #run(settings: CoordinatorSettings, replica: Replica | null): Promise<CoordinatorOutcome> {
    const { clock } = this.process;
    const { onAction, onReport } = this.#setting;
    const { digest, trace } = this.#world;
    const server = this.process.serve(this.#server!);
    const transport: ServerTransport = {
      ...server,
      send: (peer, frames) => {
        onAction(this);
        server.send(peer, frames);
      },
    };
    const batches: Batches = {
      windows: (step, rowStart, rowEnd) => viewAsBytes(toyWindows(step, rowStart, rowEnd)),
      evaluation: () => viewAsBytes(toyWindows(0, 0, 2)),
    };
    const observe = (report: Report): void => {
      trace?.add(this.process.name, `reports ${JSON.stringify(report)}`);
      onAction(this);
      if (this.process.isAlive) onReport(report);
    };
    const { store } = this;
    this.loop = new CoordinatorLoop(
      { transport: spy(trace, this.process.name, transport), clock, batches, store, digest, observe },
      { settings, initialReplica: replica },
    );
    if (this.#wantsStop) this.loop.requestStop();
    return await this.loop.run();
  }

  /** Work that a process does between two calls of the system; it does not come back from it when it is dead. */
  #pass(): Promise<void> {
    return new Promise((resolve) => {
      this.process.clock.after(1, resolve);
    });
  }
}
