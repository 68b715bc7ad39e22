/**
 * A disk over the real one at which chosen calls go wrong, as badly as they can: a write that fails has written half
 * of its bytes, a flush that fails has lost what it was to flush. Calls are counted, so that a test can hit each one.
 */
import type { Disk, DiskFile } from '../disk.js';
import { systemDisk } from '../disk.js';

export interface DiskCall {
  readonly name: 'open' | 'write' | 'sync' | 'truncate' | 'status' | 'close' | 'makeFolder' | 'rename' | 'remove';
  readonly path: string;
}

/** What Node throws when a system call fails. */
export function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: made up by a test, ${syscall}`), { code, syscall });
}

/** @param before called before each call, with its number from 0; what it throws is how the call fails */
export function faultyDisk(before: (call: DiskCall, index: number) => void): Disk {
  let index = 0;
  const announce = (name: DiskCall['name'], path: string): void => before({ name, path }, index++);
  return {
    open: async (path, flags) => {
      announce('open', path);
      return faultyFile(await systemDisk.open(path, flags), path, announce);
    },
    makeFolder: async (path) => {
      announce('makeFolder', path);
      await systemDisk.makeFolder(path);
    },
    rename: async (from, to) => {
      announce('rename', from);
      await systemDisk.rename(from, to);
    },
    remove: async (path) => {
      announce('remove', path);
      await systemDisk.remove(path);
    },
  };
}

function faultyFile(file: DiskFile, path: string, announce: (name: DiskCall['name'], path: string) => void): DiskFile {
  /** Written since the last flush, as ranges. */
  const dirty: { readonly start: number; readonly length: number }[] = [];
  return {
    write: async (bytes, position) => {
      try {
        announce('write', path);
      } catch (thrown) {
        await file.write(bytes.subarray(0, bytes.length >> 1), position);
        throw thrown;
      }
      dirty.push({ start: position, length: bytes.length });
      await file.write(bytes, position);
    },
    sync: async () => {
      const lost = dirty.splice(0);
      try {
        announce('sync', path);
      } catch (thrown) {
        for (const { start, length } of lost) await file.write(new Uint8Array(length), start);
        throw thrown;
      }
      await file.sync();
    },
    truncate: async (lengthBytes) => {
      announce('truncate', path);
      await file.truncate(lengthBytes);
    },
    status: async () => {
      announce('status', path);
      return file.status();
    },
    close: async () => {
      await file.close();
      announce('close', path);
    },
  };
}
