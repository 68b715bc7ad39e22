/** Where a run's results go: journal, checkpoints, and the running totals that end up in the summary. */
import { pruneCheckpoints, writeCheckpoint } from '@lockstep/checkpoint';
import type { Journal } from '@lockstep/checkpoint';
import type { CommittedStep } from '@lockstep/protocol';
import type { Replica, RunStore } from '@lockstep/runtime';
import type { RunView } from './events.js';
import type { RunPlan } from './plan-run.js';

/** Steps over which the shown rate is averaged: long enough to be steady, short enough to follow a change. */
const RATE_WINDOW_STEPS = 20;

/** Steps that may pass between a snapshot and the writing of its checkpoint, with room to spare. */
const REMEMBERED_LOSSES = 10_000;

interface EpochTotal {
  lossSum: number;
  characters: number;
}

export interface DirectoryStoreOptions {
  readonly plan: RunPlan;
  readonly journal: Journal;
  readonly checkpointsFolder: string;
  /** Newest checkpoints that stay, beside the first. */
  readonly keep: number;
  readonly view: RunView;
}

export class DirectoryStore implements RunStore {
  readonly #plan: RunPlan;
  readonly #journal: Journal;
  readonly #checkpointsFolder: string;
  readonly #keep: number;
  readonly #view: RunView;
  readonly #epochs: EpochTotal[] = [];
  readonly #recent: CommittedStep[] = [];
  #last: CommittedStep | undefined;
  #characters = 0;
  #computingSeconds = 0;
  #checkpointing: Promise<void> = Promise.resolve();
  #waiting: Replica | undefined;
  /** Loss of the latest steps, by what their checkpoint is called. */
  readonly #losses = new Map<number, number>();
  #latestCheckpoint: { readonly path: string; readonly weightsSha256: string } | undefined;

  constructor(options: DirectoryStoreOptions) {
    this.#plan = options.plan;
    this.#journal = options.journal;
    this.#checkpointsFolder = options.checkpointsFolder;
    this.#keep = options.keep;
    this.#view = options.view;
  }

  async commit(step: CommittedStep): Promise<void> {
    const epoch = this.#epochOf(step.step);
    this.#count(step, epoch);
    const { loss, characters, seconds, gradientNorm, weightsDigest } = step;
    // Counted from 1 for people: step N leaves behind the weights of checkpoint step-N.
    const done = step.step + 1;
    this.#view.show({ event: 'step', ...step, step: done, epoch, charactersPerSecond: this.recentRate });
    const shards = this.#plan.shards.map(({ rowStart, rowEnd }): [number, number] => [rowStart, rowEnd]);
    await this.#journal.append({
      step: done,
      epoch,
      plan: { shards },
      loss,
      characters,
      seconds,
      gradientNorm,
      ...(weightsDigest === null ? {} : { weightsDigest }),
    });
  }

  /**
   * One checkpoint is written at a time and at most one waits: on a slow disk the newest replaces it, so that replicas
   * do not pile up in memory.
   */
  async checkpoint(replica: Replica): Promise<void> {
    if (this.#waiting !== undefined) {
      const text = `no checkpoint of step ${this.#waiting.step}: the disk is slower than the steps`;
      this.#view.show({ event: 'warning', text });
    }
    this.#waiting = replica;
    // What went wrong with the one before has been reported by its own call.
    const previous = this.#checkpointing.catch(() => undefined);
    this.#checkpointing = previous.then(async () => {
      const newest = this.#waiting;
      this.#waiting = undefined;
      if (newest !== undefined) await this.#writeCheckpoint(newest);
    });
    await this.#checkpointing;
  }

  async #writeCheckpoint(replica: Replica): Promise<void> {
    const { config, layout, vocabulary } = this.#plan;
    const [weights, ...vectors] = replica.vectors;
    const written = await writeCheckpoint(this.#checkpointsFolder, {
      step: replica.step,
      epoch: this.#epochOf(Math.max(0, replica.step - 1)),
      loss: this.#losses.get(replica.step) ?? null,
      weights: weights ?? new Float32Array(),
      optimizer: {
        name: config.optimizer,
        steps: replica.optimizerSteps,
        slots: Object.fromEntries(replica.slots.map((slot, index) => [slot, vectors[index] ?? new Float32Array()])),
      },
      layout,
      config,
      vocabulary: vocabulary.characters,
    });
    this.#latestCheckpoint = written;
    await pruneCheckpoints(this.#checkpointsFolder, this.#keep);
    this.#view.show({ event: 'checkpoint', step: replica.step, path: written.path });
  }

  get latestCheckpoint(): { readonly path: string; readonly weightsSha256: string } | undefined {
    return this.#latestCheckpoint;
  }

  get characters(): number {
    return this.#characters;
  }

  /** Over all committed steps, without start-up. */
  get overallRate(): number {
    return this.#computingSeconds === 0 ? 0 : this.#characters / this.#computingSeconds;
  }

  get recentRate(): number {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return seconds === 0 ? 0 : this.#recent.reduce((sum, step) => sum + step.characters, 0) / seconds;
  }

  get lastLoss(): number | null {
    return this.#last?.loss ?? null;
  }

  get epochMeanLoss(): readonly number[] {
    return this.#epochs.map(({ lossSum, characters }) => lossSum / characters);
  }

  #epochOf(step: number): number {
    return Math.floor(step / this.#plan.schedule.stepsPerEpoch);
  }

  #count(step: CommittedStep, epoch: number): void {
    this.#last = step;
    this.#losses.set(step.step + 1, step.loss);
    this.#losses.delete(step.step + 1 - REMEMBERED_LOSSES);
    this.#characters += step.characters;
    this.#computingSeconds += step.seconds;
    this.#recent.push(step);
    if (this.#recent.length > RATE_WINDOW_STEPS) this.#recent.shift();
    const total = (this.#epochs[epoch] ??= { lossSum: 0, characters: 0 });
    total.lossSum += step.loss * step.characters;
    total.characters += step.characters;
  }
}
