/**
 * Where a run's results go, and where it comes back from: the journal, the checkpoints, and the totals that end up in
 * the summary. A step is shown and counted once its line is on the disk, never before.
 */
import { CheckpointWriter, listCheckpoints, openJournal, readHistory, settleCheckpoints } from '@lockstep/checkpoint';
import type {
  CheckpointReport,
  Disk,
  Journal,
  ListedCheckpoint,
  RetryTimes,
  RunHistory,
  RunLock,
  StepLine,
  TermLine,
  WrittenCheckpoint,
} from '@lockstep/checkpoint';
import { LockstepError, invariant } from '@lockstep/config';
import type { CommittedStep, JournalledStep, Plan } from '@lockstep/protocol';
import type { Replica, RunStore } from '@lockstep/runtime';
import type { RunView } from './events.js';
import type { RunPlan } from './plan-run.js';
import { restoreReplica } from './restore.js';
import type { RunDirectory } from './run-directory.js';
import { RunTotals } from './run-totals.js';

/** Steps that may pass between a snapshot and the writing of its checkpoint, with room to spare. */
const REMEMBERED_LOSSES = 10_000;

/** What the store needs to know about the run. */
export type StoredPlan = Pick<RunPlan, 'config' | 'layout' | 'vocabulary' | 'shards' | 'schedule' | 'totalSteps'>;

export interface DirectoryStoreOptions {
  readonly plan: StoredPlan;
  readonly directory: RunDirectory;
  /** Held by this process, as long as it writes anything. */
  readonly lock: RunLock;
  /** Newest checkpoints that stay, beside the first. */
  readonly keep: number;
  readonly view: RunView;
  /** The replica of a run that has not made a step. */
  readonly initial: Replica;
  /** Aborted when nobody waits for a disk that refuses the journal as it is opened. */
  readonly signal?: AbortSignal;
  /** How a disk that refuses is tried again; only tests are less patient. */
  readonly times?: RetryTimes;
  /** The system's unless a test puts one in its place. */
  readonly disk?: Disk;
}

/** What the first journal line of a coordinator's life says about it. */
export type Life = Pick<TermLine, 'term' | 'incarnation' | 'host' | 'pid' | 'startedAt' | 'computeClass'>;

export class DirectoryStore implements RunStore {
  /** What the journal said when it was opened. */
  readonly history: RunHistory;
  readonly #options: DirectoryStoreOptions;
  readonly #journal: Journal;
  readonly #checkpoints: CheckpointWriter;
  readonly #totals = new RunTotals();
  /** Loss of the latest steps, for the manifests of their checkpoints. */
  readonly #losses = new Map<number, number>();
  /** Steps handed to the journal, and steps that are on its disk. */
  #committed = 0;
  #journalled = 0;

  private constructor(options: DirectoryStoreOptions, journal: Journal, history: RunHistory) {
    this.history = history;
    this.#options = options;
    this.#journal = journal;
    this.#checkpoints = new CheckpointWriter({
      folder: options.directory.paths.checkpoints,
      keep: options.keep,
      fence: () => options.lock.assertHeld(),
      journalledSteps: () => this.#journalled,
      report: (report) => this.#show(report),
      ...diskOptions(options),
    });
    for (const line of history.steps) {
      this.#losses.set(line.step, line.loss);
      this.#losses.delete(line.step - REMEMBERED_LOSSES);
      this.#totals.count(line);
    }
    this.#committed = this.#journalled = history.steps.length;
  }

  /**
   * Opens the journal of a run directory, new or begun, and counts what it holds.
   * @throws LockstepError 'data' naming a damaged line, 'io' when the disk refuses, 'locked' when the lock is lost
   */
  static async open(options: DirectoryStoreOptions): Promise<DirectoryStore> {
    const { directory, lock, view, signal, disk } = options;
    await settleCheckpoints(directory.paths.checkpoints, disk);
    const journal = await openJournal(directory.paths.journal, {
      ...diskOptions(options),
      ...(signal === undefined ? {} : { signal }),
      fence: () => lock.assertHeld(),
      onTrouble: (trouble) =>
        view.show({
          event: 'warning',
          text: `${trouble.line}; steps wait for it, and it is tried again`,
          disk: 'journal',
        }),
      onRecovered: () => view.show({ event: 'notice', text: 'the journal is written again' }),
    });
    try {
      const history = await readHistory(directory.paths.journal);
      if (journal.truncatedBytes > 0) {
        const text = `left out a torn end of ${journal.truncatedBytes} bytes of ${directory.paths.journal}`;
        view.show({ event: 'warning', text });
      }
      return new DirectoryStore(options, journal, history);
    } catch (thrown) {
      await journal.close();
      throw thrown;
    }
  }

  /** Steps that are on the disk. */
  get journalled(): number {
    return this.#journalled;
  }

  /** Journals the beginning of a coordinator's life; the first one of a run also journals its shards. */
  async begin(life: Life): Promise<void> {
    await this.#journal.append({ kind: 'term', ...life, step: this.#committed });
    if (this.history.plans.length === 0) await this.plan({ fromStep: 0, shards: this.#options.plan.shards });
  }

  async plan({ fromStep, shards }: Plan): Promise<void> {
    invariant(fromStep >= this.#committed, `a plan from step ${fromStep} on, with ${this.#committed} committed`);
    const rows = shards.map(({ rowStart, rowEnd }): [number, number] => [rowStart, rowEnd]);
    await this.#journal.append({ kind: 'plan', fromStep: fromStep + 1, shards: rows });
  }

  async commit(committed: CommittedStep): Promise<void> {
    // Counted from 1 for people: step N leaves behind the weights of checkpoint step-N.
    const step = committed.step + 1;
    invariant(step === this.#committed + 1, `step ${step} is committed after step ${this.#committed}`);
    this.#committed = step;
    if (step >= this.#options.plan.totalSteps) this.finish();
    this.#losses.set(step, committed.loss);
    this.#losses.delete(step - REMEMBERED_LOSSES);
    const { term, loss, characters, seconds, gradientNorm, shardDigests, weightsDigest } = committed;
    const epoch = this.#epochOf(committed.step);
    const numbers = { step, epoch, loss, characters, seconds, gradientNorm };
    await this.#journal.append({
      kind: 'step',
      ...numbers,
      term,
      shardDigests: [...shardDigests],
      ...(weightsDigest === null ? {} : { weightsDigest }),
    });
    this.#journalled = step;
    this.#totals.count(numbers);
    this.#options.view.show({ event: 'step', ...numbers, weightsDigest, charactersPerSecond: this.recentRate });
  }

  async checkpoint(replica: Replica): Promise<void> {
    const { config, layout, vocabulary } = this.#options.plan;
    const [weights, ...vectors] = replica.vectors;
    invariant(weights !== undefined && vectors.length === replica.slots.length, 'a replica has a vector for each slot');
    try {
      await this.#checkpoints.write({
        step: replica.step,
        epoch: this.#epochOf(Math.max(0, replica.step - 1)),
        loss: this.#losses.get(replica.step) ?? null,
        weights,
        optimizer: {
          name: config.optimizer,
          steps: replica.optimizerSteps,
          slots: Object.fromEntries(vectors.map((vector, index) => [replica.slots[index], vector])),
        },
        layout,
        config,
        vocabulary: vocabulary.characters,
      });
    } catch (thrown) {
      throw thrown instanceof LockstepError && thrown.kind === 'io' ? await this.#withWayBack(thrown) : thrown;
    }
  }

  async restore(): Promise<{ replica: Replica; history: readonly JournalledStep[] }> {
    const { plan, directory, initial, view } = this.#options;
    await this.#journal.flush();
    await this.#checkpoints.settled();
    const { steps } = await readHistory(directory.paths.journal);
    const replica = await restoreReplica({
      plan,
      checkpointsFolder: directory.paths.checkpoints,
      journalled: steps.length,
      initial,
      onPassedOver: ({ path, reason }) => view.show({ event: 'warning', text: `passed over ${path}: ${reason}` }),
    });
    return { replica, history: steps.slice(replica.step).map(journalledStep) };
  }

  /** Steps of the newest checkpoint that looks sound and that the journal reaches; 0 when there is none. */
  async newestCheckpointStep(): Promise<number> {
    return (await this.#newestCheckpoint())?.step ?? 0;
  }

  /**
   * Says that the run is about to end, as the last step says by itself: from now on a checkpoint that the disk refuses
   * fails the run after a while, instead of being tried again without end.
   */
  finish(): void {
    this.#checkpoints.finish();
  }

  /** Waits no longer for a disk that refuses: from now on a refusal is final. */
  giveUp(): void {
    this.#journal.giveUp();
    this.#checkpoints.giveUp();
  }

  /** Flushes and closes the journal. */
  async close(): Promise<void> {
    await this.#journal.close();
  }

  get latestCheckpoint(): WrittenCheckpoint | undefined {
    return this.#checkpoints.latest;
  }

  get characters(): number {
    return this.#totals.characters;
  }

  get overallRate(): number {
    return this.#totals.overallRate;
  }

  get recentRate(): number {
    return this.#totals.recentRate;
  }

  get lastLoss(): number | null {
    return this.#totals.lastLoss;
  }

  get epochMeanLoss(): readonly number[] {
    return this.#totals.epochMeanLoss;
  }

  #epochOf(step: number): number {
    return Math.floor(step / this.#options.plan.schedule.stepsPerEpoch);
  }

  async #newestCheckpoint(): Promise<ListedCheckpoint | undefined> {
    const listed = await listCheckpoints(this.#options.directory.paths.checkpoints);
    return listed.filter((entry) => 'manifest' in entry && entry.step <= this.#journalled).at(-1);
  }

  /** A failure to write the last checkpoint, with what is left and how to go on from there. */
  async #withWayBack({ message, cause }: LockstepError): Promise<LockstepError> {
    const last = await this.#newestCheckpoint().catch(() => undefined);
    const what = last === undefined ? message : `${message}; the last good checkpoint is ${last.path}`;
    const hint = `free some space, then go on with: lockstep train --resume ${this.#options.directory.path}`;
    return new LockstepError('io', what, hint, { cause });
  }

  #show(report: CheckpointReport): void {
    const { view } = this.#options;
    switch (report.type) {
      case 'written':
        return view.show({ event: 'checkpoint', step: report.step, path: report.path });
      case 'superseded': {
        const text = `no checkpoint of step ${report.step}: the disk is slower than the steps`;
        return view.show({ event: 'warning', text, disk: 'checkpoint' });
      }
      case 'trouble': {
        const text = `cannot write the checkpoint of step ${report.step}: ${report.trouble.line}; will try again`;
        return view.show({ event: 'warning', text, disk: 'checkpoint' });
      }
      case 'recovered':
        return view.show({ event: 'notice', text: 'checkpoints are written again' });
      case 'not-pruned':
        return view.show({ event: 'warning', text: `old checkpoints stay: ${report.trouble.line}` });
    }
  }
}

function diskOptions({ times, disk }: DirectoryStoreOptions): Pick<DirectoryStoreOptions, 'times' | 'disk'> {
  return { ...(times === undefined ? {} : { times }), ...(disk === undefined ? {} : { disk }) };
}

function journalledStep({ step, loss, shardDigests, weightsDigest }: StepLine): JournalledStep {
  return { step: step - 1, loss, shardDigests, weightsDigest: weightsDigest ?? null };
}
