/**
 * The journal: one JSON line a committed step, appended and flushed before the step counts as committed. Where steps
 * are shorter than a flush is worth, lines share one (group commit): they are handed to the system at once, so that a
 * killed process loses none of them, and flushed together, so that a power cut loses only what nobody was told is
 * durable.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LockstepError, invariant } from '@lockstep/config';
import { syncDirectory } from './atomic-write.js';
import { ioError, withIoErrors } from './io-error.js';
import { journalLine } from './journal-line.js';
import type { JournalLine } from './journal-line.js';
import { JOURNAL_LINE_BYTES_MAX, JOURNAL_PENDING_LINES_MAX, JOURNAL_SYNC_INTERVAL_MS } from './limits.js';
import { soundLength } from './read-journal.js';

interface PendingLine {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: LockstepError) => void;
}

/**
 * Opens a journal for appending, made if missing. A torn tail that a crash left is cut off.
 * @throws LockstepError 'io' when the file cannot be opened, 'data' when its end is no journal
 */
export async function openJournal(path: string): Promise<Journal> {
  const handle = await withIoErrors('open the journal', path, () => open(path, 'a+'));
  try {
    const { size } = await handle.stat();
    const sound = await soundLength(handle, path);
    if (sound < size) {
      await handle.truncate(sound);
      await handle.sync();
    }
    await syncDirectory(dirname(path));
    return new Journal(path, handle, size - sound);
  } catch (thrown) {
    await handle.close();
    throw ioError('open the journal', path, thrown);
  }
}

export class Journal {
  readonly path: string;
  /** Length of the torn tail that was cut off when the journal was opened. */
  readonly truncatedBytes: number;
  readonly #handle: FileHandle;
  /** Not yet given to the system. */
  readonly #queued: PendingLine[] = [];
  /** Given to the system, not yet flushed. */
  readonly #written: PendingLine[] = [];
  #failure: LockstepError | null = null;
  #isClosing = false;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #syncCount = 0;
  #lastSyncMs = -Infinity;
  /** Ends the pause between two flushes. */
  #wake: () => void = () => undefined;

  constructor(path: string, handle: FileHandle, truncatedBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.truncatedBytes = truncatedBytes;
  }

  /** Flushes made so far; below the number of lines when lines shared one. */
  get syncCount(): number {
    return this.#syncCount;
  }

  /**
   * Appends one line; resolves when it is on the disk. Lines keep the order of the calls.
   * @throws LockstepError 'io' when the disk refused this line or an earlier one, or is too far behind
   */
  async append(line: JournalLine): Promise<void> {
    invariant(!this.#isClosing, 'nothing is appended to a closed journal');
    if (this.#failure !== null) throw this.#failure;
    if (this.#queued.length + this.#written.length >= JOURNAL_PENDING_LINES_MAX) {
      const what = `${this.path}: ${JOURNAL_PENDING_LINES_MAX} lines wait for the disk`;
      throw new LockstepError('io', what, 'put the run directory on a faster disk');
    }
    // What is written must be readable: JSON has no NaN, and a later life could not get past such a line.
    const checked = journalLine.safeParse(line);
    invariant(checked.success, `a journal line as it is read (${checked.error?.issues[0]?.path.join('.')})`);
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    invariant(bytes.length <= JOURNAL_LINE_BYTES_MAX, `a journal line of ${bytes.length} bytes`);
    await new Promise<void>((resolve, reject) => {
      this.#queued.push({ bytes, resolve, reject });
      this.#wake();
      if (!this.#isRunning) this.#running = this.#run();
    });
  }

  /** Flushes what is pending and closes the file. Failures of pending lines reach those who appended them. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#wake();
    await this.#running;
    await withIoErrors('close the journal', this.path, () => this.#handle.close());
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#queued.length + this.#written.length > 0) {
        const delayMs = this.#isClosing ? 0 : this.#lastSyncMs + JOURNAL_SYNC_INTERVAL_MS - performance.now();
        if (this.#written.length > 0 && delayMs <= 0) await this.#sync();
        else if (this.#queued.length > 0) await this.#write();
        else await this.#pause(delayMs);
      }
    } catch (thrown) {
      // After a failed flush the system may have dropped the pages: no later success would mean anything.
      this.#failure = ioError('write the journal', this.path, thrown);
      for (const { reject } of [...this.#written.splice(0), ...this.#queued.splice(0)]) reject(this.#failure);
    } finally {
      this.#isRunning = false;
    }
  }

  async #write(): Promise<void> {
    const batch = this.#queued.splice(0);
    this.#written.push(...batch);
    await this.#handle.appendFile(Buffer.concat(batch.map(({ bytes }) => bytes)));
  }

  async #sync(): Promise<void> {
    await this.#handle.datasync();
    this.#syncCount += 1;
    this.#lastSyncMs = performance.now();
    for (const { resolve } of this.#written.splice(0)) resolve();
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
