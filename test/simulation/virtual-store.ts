/**
 * The run directory on a virtual disk: a journal of the real line format that is flushed in groups, and checkpoints
 * that come by temporary name, flush, rename and flush of the folder. A disk that refuses is tried again; a process
 * that has lost the lock writes nothing.
 */
import { LockstepError } from '@lockstep/config';
import { sealLine } from '@lockstep/checkpoint';
import type { JournalLine, RunHistory } from '@lockstep/checkpoint';
import type { CommittedStep, JournalledStep, Plan } from '@lockstep/protocol';
import { viewAsBytes } from '@lockstep/runtime';
import type { Replica, RunStore } from '@lockstep/runtime';
import { decodeCheckpoint, encodeCheckpoint } from './toy-checkpoint.js';
import { JOURNAL } from './run-journal.js';
import type { RunJournal } from './run-journal.js';
import type { VirtualDisk } from './virtual-disk.js';
import type { VirtualProcess } from './virtual-process.js';

const STEP_LINE = '{"kind":"step"';
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2_000;
/** Newest checkpoints that stay, beside the first. */
const KEEP = 2;

export interface StoreSetting {
  readonly disk: VirtualDisk;
  readonly process: VirtualProcess;
  readonly journal: RunJournal;
  readonly digest: (bytes: Uint8Array) => string;
  readonly stepsPerEpoch: number;
  /** A plan is about to be written that holds from this step on, counted from 0. */
  onPlan(fromStep: number): void;
  /** Whether this process still has the run directory's lock. */
  holdsLock(): boolean;
  /** Called before each call of the system; the process may be killed by it. */
  onCall(): void;
}

interface PendingLine {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (reason: LockstepError) => void;
}

interface WaitingCheckpoint {
  readonly replica: Replica;
  /** All that were given for it, one after the other. */
  readonly askers: readonly Pick<PendingLine, 'resolve' | 'reject'>[];
}

export class VirtualStore implements RunStore {
  readonly #setting: StoreSetting;
  readonly #pending: PendingLine[] = [];
  /** Length of the journal up to which this life knows it to be durable. */
  #durableLength = 0;
  /** Checksum of the line appended last. */
  #sum = '';
  #isWriting = false;
  #latest: Promise<void> = Promise.resolve();
  #waiting: WaitingCheckpoint | undefined;
  #isSaving = false;
  #saving: Promise<void> = Promise.resolve();
  /** Steps whose lines this life knows to be on the disk, those of earlier lives included. */
  durableSteps = 0;
  /** Longest queue of lines so far. */
  longestQueue = 0;

  constructor(setting: StoreSetting) {
    this.#setting = setting;
  }

  /** What the journal holds now is whole: this life goes on behind it. */
  begin({ steps, lastSum }: RunHistory): void {
    this.#durableLength = this.#setting.disk.read(JOURNAL).length;
    this.durableSteps = steps.length;
    this.#sum = lastSum;
  }

  /** Appends a line; resolves when it is on the disk. */
  async append(line: JournalLine): Promise<void> {
    this.#latest = new Promise<void>((resolve, reject) => {
      const { text, sum } = sealLine(JSON.stringify(line), this.#sum);
      this.#sum = sum;
      this.#pending.push({ text: `${text}\n`, resolve, reject });
      this.longestQueue = Math.max(this.longestQueue, this.#pending.length);
      if (!this.#isWriting) void this.#write();
    });
    await this.#latest;
  }

  async commit(committed: CommittedStep): Promise<void> {
    const { step, weightsDigest, shardDigests, ...rest } = committed;
    await this.append({
      ...{ kind: 'step', ...rest, step: step + 1, epoch: Math.floor(step / this.#setting.stepsPerEpoch) },
      shardDigests: [...shardDigests],
      ...(weightsDigest === null ? {} : { weightsDigest }),
    });
  }

  async plan({ fromStep, shards }: Plan): Promise<void> {
    this.#setting.onPlan(fromStep);
    const ranges = shards.map(({ rowStart, rowEnd }): [number, number] => [rowStart, rowEnd]);
    await this.append({ kind: 'plan', fromStep: fromStep + 1, shards: ranges });
  }

  async checkpoint(replica: Replica): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const superseded = this.#waiting?.askers ?? [];
      this.#waiting = { replica, askers: [...superseded, { resolve, reject }] };
      if (!this.#isSaving) this.#saving = this.#save();
    });
  }

  /** As the real store does: what waits for the disk first, and no checkpoint that the journal does not reach. */
  async restore(): Promise<{ replica: Replica; history: readonly JournalledStep[] }> {
    await this.#latest;
    await this.#saving;
    const { disk, digest, journal, process } = this.#setting;
    const { steps } = await journal.read();
    // Reading took a moment, in which the process may have been stopped or killed.
    await new Promise<void>((resolve) => process.enter(resolve));
    const replica = newestCheckpoint(disk, digest, steps.length);
    if (replica === undefined) throw new LockstepError('data', 'no checkpoint is sound', 'start a new run');
    return {
      replica,
      history: steps.slice(replica.step).map(({ step, loss, shardDigests, weightsDigest }) => ({
        ...{ step: step - 1, loss, shardDigests, weightsDigest: weightsDigest ?? null },
      })),
    };
  }

  /** The virtual disk always relents before a run is over. */
  finish(): void {
    // Nothing to hurry.
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    for (let pauseMs = RETRY_MS_MIN; this.#pending.length > 0;) {
      const batch = [...this.#pending];
      try {
        await this.#writeBatch(batch);
        this.#pending.splice(0, batch.length);
        this.durableSteps += batch.filter(({ text }) => text.startsWith(STEP_LINE)).length;
        for (const { resolve } of batch) resolve();
        pauseMs = RETRY_MS_MIN;
      } catch (thrown) {
        if (thrown instanceof LockstepError) {
          for (const { reject } of this.#pending.splice(0)) reject(thrown);
        } else {
          await this.#pause(pauseMs);
          pauseMs = Math.min(RETRY_MS_MAX, 2 * pauseMs);
        }
      }
    }
    this.#isWriting = false;
  }

  async #writeBatch(batch: readonly PendingLine[]): Promise<void> {
    const { disk } = this.#setting;
    // What an attempt before this one left behind goes first.
    if (disk.read(JOURNAL).length > this.#durableLength) {
      await this.#call(() => disk.truncate(JOURNAL, this.#durableLength));
    }
    const bytes = new TextEncoder().encode(batch.map(({ text }) => text).join(''));
    await this.#call(() => disk.append(JOURNAL, bytes));
    await this.#call(() => disk.flush(JOURNAL));
    this.#fence();
    this.#durableLength += bytes.length;
  }

  async #save(): Promise<void> {
    this.#isSaving = true;
    for (let pauseMs = RETRY_MS_MIN; this.#waiting !== undefined;) {
      const { replica, askers } = this.#waiting;
      this.#waiting = undefined;
      try {
        await this.#saveOne(replica);
        for (const { resolve } of askers) resolve();
      } catch (thrown) {
        const newer = this.#waiting as WaitingCheckpoint | undefined;
        this.#waiting = { replica: newer?.replica ?? replica, askers: [...askers, ...(newer?.askers ?? [])] };
        if (thrown instanceof LockstepError) {
          for (const { reject } of this.#waiting.askers) reject(thrown);
          this.#waiting = undefined;
          break;
        }
        await this.#pause(pauseMs);
        pauseMs = Math.min(RETRY_MS_MAX, 2 * pauseMs);
      }
    }
    this.#isSaving = false;
  }

  async #saveOne(replica: Replica): Promise<void> {
    const { disk, digest } = this.#setting;
    const name = `step-${String(replica.step).padStart(6, '0')}`;
    const temporary = `.${name}.tmp`;
    disk.remove(temporary);
    await this.#call(() => disk.append(temporary, encodeCheckpoint(digest, replica)));
    await this.#call(() => disk.flush(temporary));
    await this.#call(async () => Promise.resolve(disk.rename(temporary, name)));
    await this.#call(() => disk.flushFolder());
    const names = disk.list().filter((one) => /^step-\d+$/.test(one) && one !== 'step-000000');
    for (const old of names.slice(0, -KEEP)) disk.remove(old);
  }

  /** A call of the system by this process: none when it is dead or has lost the lock, no answer when it dies. */
  #call(call: () => Promise<void>): Promise<void> {
    const { process, onCall } = this.#setting;
    this.#fence();
    onCall();
    return new Promise<void>((resolve, reject) => {
      if (!process.isAlive) return;
      call().then(
        () => process.enter(resolve),
        (error: unknown) => process.enter(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  }

  #fence(): void {
    if (this.#setting.holdsLock()) return;
    throw new LockstepError('locked', 'another coordinator has the run', 'nothing more is written');
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#setting.process.clock.after(durationMs, resolve);
    });
  }
}

/** The newest sound checkpoint of at most this many steps. */
export function newestCheckpoint(
  disk: VirtualDisk,
  digest: (bytes: Uint8Array) => string,
  atMost: number,
): Replica | undefined {
  const names = disk.list().filter((name) => /^step-\d+$/.test(name));
  for (const name of names.reverse()) {
    const replica = decodeCheckpoint(digest, disk.read(name));
    if (replica !== undefined && replica.step <= atMost) return replica;
  }
  return undefined;
}

/** For the bytes of a vector, as the protocol takes its digest. */
export function weightsDigest(digest: (bytes: Uint8Array) => string, replica: Replica): string {
  return digest(viewAsBytes(replica.vectors[0] ?? new Float32Array()));
}
