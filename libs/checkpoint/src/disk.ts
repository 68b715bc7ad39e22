/**
 * The system calls by which this library writes, as a narrow port: tests put a disk in its place that refuses, that
 * forgets what was not flushed, or that kills the process at a chosen call.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

export interface DiskFile {
  /** Writes all of the bytes at a position. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Flushes content and length. */
  sync(): Promise<void>;
  truncate(lengthBytes: number): Promise<void>;
  /** What tells this file from another one that has taken its name, and its length now. */
  status(): Promise<{ readonly inode: bigint; readonly lengthBytes: number }>;
  close(): Promise<void>;
}

export interface Disk {
  /** `r` also opens a folder, to flush it; `r+` writes into a file that exists, `wx` into one that must not. */
  open(path: string, flags: 'r' | 'r+' | 'wx'): Promise<DiskFile>;
  /** The parent must exist, the folder must not. */
  makeFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all it holds; one that is not there is fine. */
  remove(path: string): Promise<void>;
}

export const systemDisk: Disk = {
  open: async (path, flags) => fileOf(await open(path, flags)),
  makeFolder: async (path) => {
    await mkdir(path);
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
};

function fileOf(handle: FileHandle): DiskFile {
  return {
    write: async (bytes, position) => {
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
        written += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (lengthBytes) => handle.truncate(lengthBytes),
    status: async () => {
      const { ino, size } = await handle.stat({ bigint: true });
      return { inode: ino, lengthBytes: Number(size) };
    },
    close: () => handle.close(),
  };
}
