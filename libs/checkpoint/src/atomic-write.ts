/**
 * Files that are either the old one or the new one, never a part: written beside the target, flushed to the disk,
 * renamed over it, and the folder flushed too, because on Linux a rename is only durable once its directory is.
 * Readers need no lock.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemDisk } from './disk.js';
import { errorCode, withIoErrors } from './io-error.js';
import { IO_CHUNK_BYTES } from './limits.js';

/** What was written, as a manifest records it. */
export interface WrittenFile {
  readonly lengthBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** Flushes a folder's entries, so that a new or renamed name survives a power cut. */
export async function syncDirectory(path: string, disk = systemDisk): Promise<void> {
  // Windows can neither open nor flush a folder; its file systems journal renames themselves.
  if (process.platform === 'win32') return;
  await withIoErrors('flush the folder', path, async () => {
    const handle = await disk.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** Makes a folder and its missing parents durably; one that exists is fine. */
export async function makeDirectory(path: string): Promise<void> {
  const target = resolve(path);
  await withIoErrors('make the folder', target, () => makeWithParents(target));
}

/** Node's own recursive form calls a read-only file system a missing folder, and never returns below /proc. */
async function makeWithParents(target: string): Promise<void> {
  if (await isDirectory(target)) return;
  const make = async (): Promise<void> => {
    try {
      await mkdir(target);
    } catch (thrown) {
      // Somebody else may have been faster.
      if (!await isDirectory(target)) throw thrown;
    }
  };
  try {
    await make();
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT' || dirname(target) === target) throw thrown;
    await makeWithParents(dirname(target));
    await make();
  }
  await syncDirectory(dirname(target));
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((status) => status.isDirectory(), () => false);
}

/**
 * Writes a file that must not exist yet and flushes it. The chunks must not change until the promise resolves.
 * The work is cut into pieces, so that hashing and writing tens of megabytes never holds up the event loop for long.
 * @param shownPath the path to name in an error, where that of a temporary file would say nothing
 */
export async function writeNewFile(
  path: string,
  chunks: readonly Uint8Array[],
  shownPath = path,
  disk = systemDisk,
): Promise<WrittenFile> {
  return withIoErrors('write', shownPath, async () => {
    const hash = createHash('sha256');
    let lengthBytes = 0;
    const file = await disk.open(path, 'wx');
    try {
      for (const chunk of chunks) {
        for (let start = 0; start < chunk.length; start += IO_CHUNK_BYTES) {
          const piece = chunk.subarray(start, start + IO_CHUNK_BYTES);
          hash.update(piece);
          await file.write(piece, lengthBytes);
          lengthBytes += piece.length;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { lengthBytes, sha256: hash.digest('hex') };
  });
}

/**
 * Replaces a file in one durable move. On failure the old file is as it was and nothing is left beside it.
 * @throws LockstepError 'io' naming the path and the cause
 */
export async function atomicWrite(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  try {
    await writeNewFile(temporary, [bytes], path);
    await withIoErrors('replace', path, () => systemDisk.rename(temporary, path));
  } catch (thrown) {
    // The first failure is the one to report; a second one while cleaning up would only hide it.
    await systemDisk.remove(temporary).catch(() => undefined);
    throw thrown;
  }
  await syncDirectory(folder);
}
