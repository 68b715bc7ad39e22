/**
 * Writes the checkpoints of a run beside its steps: one at a time, at most one waits, the newest takes its place, so
 * that replicas do not pile up in memory. While the disk refuses, the run goes on and the newest is tried again and
 * again; what was good stays as it was.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import { writeCheckpoint } from './checkpoint.js';
import type { WrittenCheckpoint } from './checkpoint.js';
import type { Disk } from './disk.js';
import { LAST_CHECKPOINT_LIMIT_MS, RETRY_FIRST_MS, RETRY_LAST_MS } from './limits.js';
import { pruneCheckpoints } from './prune.js';
import { retryOnTrouble } from './retry.js';
import type { RetryTimes } from './retry.js';
import type { Snapshot } from './snapshot.js';

/** What becomes of checkpoints, for people to see. */
export type CheckpointReport =
  | { readonly type: 'written'; readonly step: number; readonly path: string }
  /** A newer one took its place because the disk is slower than the run. */
  | { readonly type: 'superseded'; readonly step: number }
  /** It will be tried again; said once, until `recovered`. */
  | { readonly type: 'trouble'; readonly step: number; readonly trouble: LockstepError }
  | { readonly type: 'recovered' }
  /** Old checkpoints stay; said once, until pruning works again. */
  | { readonly type: 'not-pruned'; readonly trouble: LockstepError };

export interface CheckpointWriterOptions {
  readonly folder: string;
  /** Newest checkpoints that stay, beside that of step 0. */
  readonly keep: number;
  /** Throws when this process may no longer write there. */
  readonly fence: () => Promise<void>;
  /** Steps that are in the journal: a checkpoint beyond them lets no older one go. */
  readonly journalledSteps: () => number;
  readonly report: (report: CheckpointReport) => void;
  /** How long it is tried again once `finish` was called; until then there is no limit. */
  readonly times?: RetryTimes;
  readonly disk?: Disk;
}

interface Waiting {
  readonly snapshot: Snapshot;
  readonly resolve: () => void;
  readonly reject: (reason: LockstepError) => void;
}

const TIMES: RetryTimes = { firstMs: RETRY_FIRST_MS, lastMs: RETRY_LAST_MS, limitMs: LAST_CHECKPOINT_LIMIT_MS };

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #times: RetryTimes;
  /** Aborted by `finish`: patience has an end from then on. */
  readonly #patience = new AbortController();
  /** Aborted by `giveUp`: there is none left. */
  readonly #end = new AbortController();
  readonly #sound = new Set<string>();
  #waiting: Waiting | undefined;
  #isRunning = false;
  #isTroubled = false;
  #isPruning = true;
  #attempt: Promise<void> = Promise.resolve();
  #latest: WrittenCheckpoint | undefined;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /** The one that was written last. */
  get latest(): WrittenCheckpoint | undefined {
    return this.#latest;
  }

  /**
   * Writes a checkpoint; its vectors must not change until the promise resolves, which it does when the checkpoint is
   * on the disk or when a newer one has taken its place.
   * @throws LockstepError 'io' when the disk refused until the end, 'data' when a sound checkpoint of that step holds
   * other weights, 'locked' when the fence says so
   */
  async write(snapshot: Snapshot): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const before = this.#waiting;
      this.#waiting = { snapshot, resolve, reject };
      if (before !== undefined) this.#supersede(before);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Says that the run is about to end: from now on a disk that refuses is waited for only so long. */
  finish(): void {
    this.#patience.abort(new LockstepError('io', 'the run ends', ''));
  }

  /** Waits no longer for a disk that refuses: from now on a refusal is final. */
  giveUp(): void {
    this.finish();
    this.#end.abort();
  }

  /** Waits for what is being written, but for no disk that refuses. */
  async settled(): Promise<void> {
    do await this.#attempt;
    while (this.#isRunning && !this.#isTroubled);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      let current = next;
      const attempt = async (): Promise<void> => {
        const newer = this.#take();
        if (newer !== undefined) {
          this.#supersede(current);
          current = newer;
        }
        const writing = this.#write(current.snapshot);
        this.#attempt = writing.catch(() => undefined);
        await writing;
      };
      try {
        await this.#insist(attempt, () => current.snapshot.step);
        current.resolve();
      } catch (thrown) {
        current.reject(toLockstepError(thrown));
      }
    }
    this.#isRunning = false;
  }

  /** Without end at first, and for a while once the run is about to end. */
  async #insist(attempt: () => Promise<void>, step: () => number): Promise<void> {
    const retry = async (times: RetryTimes, signal: AbortSignal): Promise<void> => {
      await retryOnTrouble(attempt, {
        ...{ times, signal },
        onTrouble: (trouble) => this.#onTrouble(step(), trouble),
        onRecovered: () => undefined,
      });
    };
    const { signal } = this.#patience;
    if (!signal.aborted) {
      try {
        await retry({ ...this.#times, limitMs: Infinity }, signal);
        return;
      } catch (thrown) {
        if (!signal.aborted || toLockstepError(thrown).kind !== 'io') throw thrown;
      }
    }
    await retry(this.#times, this.#end.signal);
  }

  async #write(snapshot: Snapshot): Promise<void> {
    const { folder, fence, disk, report } = this.#options;
    const written = await writeCheckpoint(folder, snapshot, { fence, ...(disk === undefined ? {} : { disk }) });
    this.#latest = written;
    this.#sound.add(written.path);
    if (this.#isTroubled) {
      this.#isTroubled = false;
      report({ type: 'recovered' });
    }
    report({ type: 'written', step: snapshot.step, path: written.path });
    await this.#prune();
  }

  /** A checkpoint that stays too long costs space, not the run. */
  async #prune(): Promise<void> {
    const { folder, keep, fence, journalledSteps, disk, report } = this.#options;
    const options = { sound: this.#sound, atMost: journalledSteps(), ...(disk === undefined ? {} : { disk }) };
    try {
      await fence();
      await pruneCheckpoints(folder, keep, options);
      this.#isPruning = true;
    } catch (thrown) {
      const trouble = toLockstepError(thrown);
      if (trouble.kind !== 'io') throw trouble;
      if (this.#isPruning) report({ type: 'not-pruned', trouble });
      this.#isPruning = false;
    }
  }

  #take(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  #supersede({ snapshot, resolve }: Waiting): void {
    if (!this.#isTroubled) this.#options.report({ type: 'superseded', step: snapshot.step });
    resolve();
  }

  #onTrouble(step: number, trouble: LockstepError): void {
    if (!this.#isTroubled) this.#options.report({ type: 'trouble', step, trouble });
    this.#isTroubled = true;
  }
}
