/**
 * The file under a journal: an end that only grows, and a mark up to which it is durable. Everything after the mark
 * may be written anew, nothing before it is ever touched.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import { syncDirectory } from './atomic-write.js';
import type { Disk, DiskFile } from './disk.js';
import { errorCode, withIoErrors } from './io-error.js';
import { IO_CHUNK_BYTES } from './limits.js';
import { FIRST_SUM } from './line-sum.js';
import { scanJournal } from './read-journal.js';
import type { JournalEnd } from './read-journal.js';

export class JournalFile {
  readonly path: string;
  readonly truncatedBytes: number;
  /** Checksum of the last line when it was opened. */
  readonly lastSum: string;
  readonly #disk: Disk;
  /** What tells our file from one of a later life that has taken its name. */
  readonly #inode: bigint;
  #file: DiskFile;
  #lengthBytes: number;
  #durableBytes: number;

  private constructor(path: string, disk: Disk, file: DiskFile, inode: bigint, end: Found) {
    this.path = path;
    this.truncatedBytes = end.tornBytes;
    this.lastSum = end.lastSum;
    this.#disk = disk;
    this.#file = file;
    this.#inode = inode;
    this.#lengthBytes = this.#durableBytes = end.soundBytes;
  }

  /**
   * Replaces the journal by a durable copy without its torn tail, or makes an empty one, and holds it open.
   * @throws LockstepError 'io' when the disk refuses, 'data' naming a line that is damaged
   */
  static async take(path: string, disk: Disk): Promise<JournalFile> {
    const end = await findEnd(path);
    const prefix = `.${basename(path)}.`;
    const copy = join(dirname(path), `${prefix}${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
    return withIoErrors('open the journal', path, async () => {
      // Whoever takes the journal has the lock: copies that lie there are of the dead.
      for (const name of await readdir(dirname(path))) {
        if (name.startsWith(prefix) && name.endsWith('.tmp')) await disk.remove(join(dirname(path), name));
      }
      const file = await disk.open(copy, 'wx');
      try {
        await copyInto(file, path, end.soundBytes);
        await file.sync();
        const { inode } = await file.status();
        await disk.rename(copy, path);
        await syncDirectory(dirname(path), disk);
        return new JournalFile(path, disk, file, inode, end);
      } catch (thrown) {
        await file.close().catch(() => undefined);
        await disk.remove(copy).catch(() => undefined);
        throw thrown;
      }
    });
  }

  /** @throws LockstepError 'io' when the disk refuses, 'data' when somebody else has changed the file's length */
  async append(bytes: Uint8Array): Promise<void> {
    await withIoErrors('write the journal', this.path, async () => {
      const { lengthBytes } = await this.#file.status();
      if (lengthBytes !== this.#lengthBytes) throw notOurs(this.path, lengthBytes, this.#lengthBytes);
      await this.#file.write(bytes, lengthBytes);
    });
    this.#lengthBytes += bytes.length;
  }

  /** All that was appended before the call is on the disk afterwards; returns where that ends, for `settle`. */
  async sync(): Promise<number> {
    const flushed = this.#lengthBytes;
    await withIoErrors('flush the journal', this.path, () => this.#file.sync());
    return flushed;
  }

  /** Moves the mark: what lies before it is never written anew, and no line of it waits any more. */
  settle(durableBytes: number): void {
    this.#durableBytes = durableBytes;
  }

  /**
   * Opens the file anew, for a handle whose flush has failed once may call lost pages flushed, and cuts off all that
   * is not known to be durable.
   * @throws LockstepError 'locked' when another file has the journal's name, 'data' when a durable line is gone
   */
  async restart(): Promise<void> {
    await withIoErrors('open the journal again', this.path, async () => {
      const file = await this.#disk.open(this.path, 'r+');
      try {
        const { inode, lengthBytes } = await file.status();
        if (inode !== this.#inode) throw takenOver(this.path);
        if (lengthBytes < this.#durableBytes) throw notOurs(this.path, lengthBytes, this.#durableBytes);
        await file.truncate(this.#durableBytes);
      } catch (thrown) {
        await file.close().catch(() => undefined);
        throw thrown;
      }
      // Kept open until now, so that its number could not go to another file.
      await this.#file.close().catch(() => undefined);
      this.#file = file;
      this.#lengthBytes = this.#durableBytes;
    });
  }

  async close(): Promise<void> {
    await withIoErrors('close the journal', this.path, () => this.#file.close());
  }
}

type Found = Pick<JournalEnd, 'soundBytes' | 'tornBytes' | 'lastSum'>;

/** How much of a journal is whole lines, and how much a torn tail. */
async function findEnd(path: string): Promise<Found> {
  const status = await withIoErrors('open the journal', path, () =>
    stat(path).catch((thrown: unknown) => {
      if (errorCode(thrown) === 'ENOENT') return null;
      throw thrown;
    }),
  );
  if (status === null) return { soundBytes: 0, tornBytes: 0, lastSum: FIRST_SUM };
  if (!status.isFile()) throw new LockstepError('data', `${path} is no regular file`, 'move it away');
  return scanJournal(path);
}

async function copyInto(file: DiskFile, path: string, lengthBytes: number): Promise<void> {
  if (lengthBytes === 0) return;
  const source = await open(path, 'r');
  try {
    for (let position = 0; position < lengthBytes;) {
      const buffer = Buffer.alloc(Math.min(IO_CHUNK_BYTES, lengthBytes - position));
      const { bytesRead } = await source.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw notOurs(path, position, lengthBytes);
      await file.write(buffer.subarray(0, bytesRead), position);
      position += bytesRead;
    }
  } finally {
    await source.close();
  }
}

function takenOver(path: string): LockstepError {
  const hint = 'another coordinator has taken the run over, or somebody replaced the file; nothing more is written';
  return new LockstepError('locked', `${path} is not the journal that this process opened`, hint);
}

function notOurs(path: string, lengthBytes: number, expectedBytes: number): LockstepError {
  const hint = 'somebody else changed the journal; go on from a checkpoint in a new run directory';
  return new LockstepError('data', `${path} has ${lengthBytes} bytes, ${expectedBytes} were written`, hint);
}
