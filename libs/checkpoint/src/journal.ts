/**
 * The journal: one JSON line a committed step, appended and flushed before the step counts as committed. Where steps
 * are shorter than a flush is worth, lines share one (group commit): they are handed to the system at once, so that a
 * killed process loses none of them, and flushed together, so that a power cut loses only what nobody was told is
 * durable. While the disk refuses, lines wait; the file is cut back to what was durable and they are written again.
 */
import { existsSync } from 'node:fs';
import { LockstepError, invariant } from '@lockstep/config';
import { systemDisk } from './disk.js';
import type { Disk } from './disk.js';
import { ioError } from './io-error.js';
import { JournalFile } from './journal-file.js';
import { journalLine } from './journal-line.js';
import type { JournalLine } from './journal-line.js';
import {
  JOURNAL_CLOSE_LIMIT_MS,
  JOURNAL_LINE_BYTES_MAX,
  JOURNAL_PENDING_LINES_MAX,
  JOURNAL_SYNC_INTERVAL_MS,
} from './limits.js';
import { sealLine } from './line-sum.js';
import { retryOnTrouble } from './retry.js';
import type { RetryOptions, RetryTimes } from './retry.js';

interface PendingLine {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: LockstepError) => void;
}

export interface JournalOptions {
  /**
   * Throws when this process may no longer write the journal: asked before each group of lines is written, and again
   * before anybody is told that it is durable.
   */
  readonly fence?: () => Promise<void>;
  /** Told once when the disk begins to refuse; it is tried again. */
  readonly onTrouble?: (trouble: LockstepError) => void;
  /** Told when all that waited is on the disk. */
  readonly onRecovered?: () => void;
  readonly times?: RetryTimes;
  /** Ends the patience with a disk that refuses while the journal is opened; later it is `giveUp`. */
  readonly signal?: AbortSignal;
  readonly disk?: Disk;
}

/**
 * Opens a journal for appending, made if missing. It is copied without the torn tail that a crash may have left, and
 * the copy takes its name: an earlier writer that wakes up late writes into a file that nobody reads.
 * @throws LockstepError 'io' when the disk refuses, for too long where the run has begun; 'data' naming a
 * line that is damaged
 */
export async function openJournal(path: string, options: JournalOptions = {}): Promise<Journal> {
  const { disk = systemDisk, signal } = options;
  let file: JournalFile | undefined;
  const take = async (): Promise<void> => {
    await options.fence?.();
    file = await JournalFile.take(path, disk);
  };
  // A new run that cannot write had better say so at once; one that is taken up again may have workers that wait.
  if (existsSync(path))
    await retryOnTrouble(take, { ...retryOptions(options), ...(signal === undefined ? {} : { signal }) });
  else await take();
  invariant(file !== undefined, 'an opened journal has a file');
  return new Journal(file, options);
}

function retryOptions({ times, onTrouble, onRecovered }: JournalOptions): RetryOptions {
  const told = { onTrouble: onTrouble ?? (() => undefined), onRecovered: onRecovered ?? (() => undefined) };
  return times === undefined ? told : { ...told, times };
}

export class Journal {
  readonly #file: JournalFile;
  readonly #options: JournalOptions;
  /** Not yet given to the system. */
  readonly #queued: PendingLine[] = [];
  /** Given to the system, not yet flushed. */
  readonly #written: PendingLine[] = [];
  /** Aborted when nobody waits for a disk that refuses any longer. */
  readonly #patience = new AbortController();
  /** Of the line appended last. */
  #sum: string;
  #failure: LockstepError | null = null;
  #isClosing = false;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #latest: Promise<void> = Promise.resolve();
  #syncCount = 0;
  #lastSyncMs = -Infinity;
  /** Ends the pause between two flushes. */
  #wake: () => void = () => undefined;

  constructor(file: JournalFile, options: JournalOptions) {
    this.#file = file;
    this.#sum = file.lastSum;
    this.#options = options;
  }

  get path(): string {
    return this.#file.path;
  }

  /** Length of the torn tail that was left out when the journal was opened. */
  get truncatedBytes(): number {
    return this.#file.truncatedBytes;
  }

  /** Flushes made so far; below the number of lines when lines shared one. */
  get syncCount(): number {
    return this.#syncCount;
  }

  /**
   * Appends one line; resolves when it is on the disk. Lines keep the order of the calls.
   * @throws LockstepError 'io' when the disk has refused this line or an earlier one for too long, or is too far
   * behind; 'locked' when the fence says so
   */
  async append(line: JournalLine): Promise<void> {
    invariant(!this.#isClosing, 'nothing is appended to a closed journal');
    // What is written must be readable: JSON has no NaN, and a later life could not get past such a line.
    const checked = journalLine.safeParse(line);
    invariant(checked.success, `a journal line as it is read (${checked.error?.issues[0]?.path.join('.')})`);
    if (this.#failure !== null) throw this.#failure;
    if (this.#queued.length + this.#written.length >= JOURNAL_PENDING_LINES_MAX) {
      const what = `${this.path}: ${JOURNAL_PENDING_LINES_MAX} lines wait for the disk`;
      throw new LockstepError('io', what, 'put the run directory on a faster disk');
    }
    const { text, sum } = sealLine(JSON.stringify(line), this.#sum);
    const bytes = new TextEncoder().encode(`${text}\n`);
    invariant(bytes.length <= JOURNAL_LINE_BYTES_MAX, `a journal line of ${bytes.length} bytes`);
    this.#sum = sum;
    this.#latest = new Promise<void>((resolve, reject) => {
      this.#queued.push({ bytes, resolve, reject });
      this.#wake();
      if (!this.#isRunning) this.#running = this.#run();
    });
    await this.#latest;
  }

  /**
   * Waits until all lines appended so far are on the disk.
   * @throws LockstepError as `append`
   */
  async flush(): Promise<void> {
    await this.#latest;
  }

  /** Waits no longer for a disk that refuses: from now on a refusal is final. */
  giveUp(): void {
    this.#patience.abort();
  }

  /**
   * Flushes what is pending and closes the file; a disk that refuses is not waited for much longer. Failures of
   * pending lines reach those who appended them.
   */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#wake();
    const timer = setTimeout(() => this.giveUp(), JOURNAL_CLOSE_LIMIT_MS);
    await this.#running;
    clearTimeout(timer);
    await this.#file.close();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#queued.length + this.#written.length > 0) {
        const delayMs = this.#isClosing ? 0 : this.#lastSyncMs + JOURNAL_SYNC_INTERVAL_MS - performance.now();
        if (this.#written.length > 0 && delayMs <= 0) await this.#insist(() => this.#sync());
        else if (this.#queued.length > 0) await this.#insist(() => this.#write());
        else await this.#pause(delayMs);
      }
    } catch (thrown) {
      this.#failure = ioError('write the journal', this.path, thrown);
      for (const { reject } of [...this.#written.splice(0), ...this.#queued.splice(0)]) reject(this.#failure);
    } finally {
      this.#isRunning = false;
    }
  }

  /** After a failure the system may have dropped any page since the last flush: all of it is written again. */
  async #insist(operation: () => Promise<void>): Promise<void> {
    await retryOnTrouble(
      async (attempt) => {
        if (attempt === 1) {
          await operation();
          return;
        }
        await this.#fence();
        await this.#file.restart();
        this.#queued.unshift(...this.#written.splice(0));
        await this.#write();
        await this.#sync();
      },
      { ...retryOptions(this.#options), signal: this.#patience.signal },
    );
  }

  async #write(): Promise<void> {
    await this.#fence();
    const batch = this.#queued.splice(0);
    this.#written.push(...batch);
    await this.#file.append(Buffer.concat(batch.map(({ bytes }) => bytes)));
  }

  async #sync(): Promise<void> {
    const flushed = this.#written.length;
    const durableBytes = await this.#file.sync();
    // Whoever lost the lock meanwhile wrote into a file that a later life may not have copied: nobody is told.
    await this.#fence();
    // Not before: a fence that cannot be asked has these lines written anew, and they must not stand there twice.
    this.#file.settle(durableBytes);
    this.#syncCount += 1;
    this.#lastSyncMs = performance.now();
    for (const { resolve } of this.#written.splice(0, flushed)) resolve();
  }

  async #fence(): Promise<void> {
    await this.#options.fence?.();
  }

  async #pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
