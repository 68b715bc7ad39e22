/**
 * A file that grows at its end beside a run, and that the run never waits for: what is to be written waits in a
 * queue of bounded length, a disk that refuses is tried again, and nothing that goes wrong here is thrown.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface AppendFileOptions {
  /** What may wait to be written; more is refused. */
  readonly queueBytesMax: number;
  /** How long a first chunk waits for others that are written with it. */
  readonly gatherMs: number;
  /** Makes the end whole again after a chunk was written in part, or may have been by an earlier life. */
  readonly mend: (file: FileHandle, wholeBytes: number) => Promise<void>;
  /** Called once, the first time that the disk refuses. */
  readonly onTrouble: (error: Error) => void;
  readonly retryMs?: number;
  readonly closeDeadlineMs?: number;
}

const RETRY_MS = 5_000;
/** A disk that hangs holds up the end of a run no longer. */
const CLOSE_DEADLINE_MS = 5_000;

export class AppendFile {
  readonly #path: string;
  readonly #options: AppendFileOptions;
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #file: FileHandle | undefined;
  /** Length of the file up to the end of the last chunk that was written as a whole. */
  #wholeBytes = 0;
  /** The end may be a part of a chunk. */
  #isTorn = false;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<boolean> | undefined;
  #hasTold = false;
  #isClosed = false;

  constructor(path: string, options: AppendFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Takes a chunk, which nobody may change any more; false when the queue is full or the file closed. */
  push(chunk: Uint8Array): boolean {
    if (this.#isClosed || this.#waitingBytes + chunk.length > this.#options.queueBytesMax) return false;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#schedule(this.#options.gatherMs);
    return true;
  }

  /** Writes what waits now; false when the disk refuses. */
  async flush(): Promise<boolean> {
    if (this.#isClosed) return false;
    await this.#writing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#chunks.length > 0) await this.#pump();
    return this.#chunks.length === 0;
  }

  /** Writes what waits, in a last attempt, and gives the file back. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const deadlineMs = this.#options.closeDeadlineMs ?? CLOSE_DEADLINE_MS;
    await Promise.race([this.#finish(), delay(deadlineMs, undefined, { ref: false })]);
  }

  #schedule(afterMs: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#pump();
    }, afterMs);
    this.#timer.unref();
  }

  async #pump(): Promise<void> {
    this.#writing ??= this.#write();
    const isDone = await this.#writing;
    this.#writing = undefined;
    if (this.#chunks.length > 0) this.#schedule(isDone ? this.#options.gatherMs : (this.#options.retryMs ?? RETRY_MS));
  }

  async #finish(): Promise<void> {
    await this.#writing;
    if (this.#chunks.length > 0) await this.#write();
    await this.#file?.close().catch(() => undefined);
  }

  /** Returns false when the disk refuses. */
  async #write(): Promise<boolean> {
    try {
      this.#file ??= await this.#open();
      if (this.#isTorn) await this.#options.mend(this.#file, this.#wholeBytes);
      this.#isTorn = false;
      await this.#writeTo(this.#file);
      return true;
    } catch (thrown) {
      if (!this.#hasTold) this.#options.onTrouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.#hasTold = true;
      return false;
    }
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'a+');
    this.#wholeBytes = (await file.stat()).size;
    this.#isTorn = this.#wholeBytes > 0;
    return file;
  }

  async #writeTo(file: FileHandle): Promise<void> {
    const batch = this.#chunks;
    const bytes = Buffer.concat(batch);
    let written = 0;
    try {
      while (written < bytes.length) {
        this.#isTorn = true;
        written += (await file.write(bytes, written)).bytesWritten;
      }
      this.#isTorn = false;
    } finally {
      this.#taken(batch, written);
    }
  }

  /** Leaves those in the queue that were not written as a whole. */
  #taken(batch: readonly Uint8Array[], written: number): void {
    let [chunks, wholeBytes] = [0, 0];
    for (const { length } of batch) {
      if (wholeBytes + length > written) break;
      wholeBytes += length;
      chunks += 1;
    }
    this.#chunks = this.#chunks.slice(chunks);
    this.#waitingBytes -= wholeBytes;
    this.#wholeBytes += wholeBytes;
  }
}
