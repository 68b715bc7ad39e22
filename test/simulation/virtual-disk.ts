/**
 * A disk as careful as a real one is careless: what was written is seen by everybody at once and survives the end of
 * its writer, but after a power cut only what was flushed is certain to be there; of the rest, a part may be, torn
 * anywhere. Names live in their folder, which is flushed apart.
 */
import type { RandomStream } from '@lockstep/data';
import type { Clock } from '@lockstep/runtime';

interface Inode {
  bytes: Uint8Array;
  /** Bytes at the front that survive a power cut. */
  durableLength: number;
}

export interface DiskTimes {
  /** Longest time of a write and of a flush. */
  readonly writeMs: number;
  readonly flushMs: number;
}

class DiskFullError extends Error {
  readonly code = 'ENOSPC';
}

export class VirtualDisk {
  isFull = false;
  /** How often a write was refused, and how often a power cut tore something off. */
  readonly counts = { refused: 0, torn: 0 };
  readonly #clock: Clock;
  readonly #random: RandomStream;
  readonly #times: DiskTimes;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  constructor(clock: Clock, random: RandomStream, times: DiskTimes) {
    this.#clock = clock;
    this.#random = random;
    this.#times = times;
  }

  list(): string[] {
    return [...this.#names.keys()].sort();
  }

  read(name: string): Uint8Array {
    return this.#names.get(name)?.bytes ?? new Uint8Array();
  }

  /** Appends; a full disk takes a part of it first. */
  async append(name: string, bytes: Uint8Array): Promise<void> {
    const inode = this.#names.get(name) ?? { bytes: new Uint8Array(), durableLength: 0 };
    this.#names.set(name, inode);
    const taken = this.isFull ? bytes.subarray(0, this.#random.below(bytes.length)) : bytes;
    inode.bytes = join(inode.bytes, taken);
    await this.#pass(this.#times.writeMs);
    if (taken.length === bytes.length) return;
    this.counts.refused += 1;
    throw new DiskFullError('no space left on the device');
  }

  /** Cuts a file and flushes it. */
  async truncate(name: string, lengthBytes: number): Promise<void> {
    const inode = this.#names.get(name);
    if (inode === undefined) return;
    inode.bytes = inode.bytes.slice(0, lengthBytes);
    inode.durableLength = Math.min(inode.durableLength, lengthBytes);
    await this.flush(name);
  }

  async flush(name: string): Promise<void> {
    const inode = this.#names.get(name);
    const length = inode?.bytes.length ?? 0;
    await this.#pass(this.#times.flushMs);
    if (inode === undefined) return;
    // Another process may have flushed more meanwhile, or cut the file.
    inode.durableLength = Math.max(inode.durableLength, Math.min(length, inode.bytes.length));
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw new Error(`no file ${from}`);
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  remove(name: string): void {
    this.#names.delete(name);
  }

  async flushFolder(): Promise<void> {
    const names = new Map(this.#names);
    await this.#pass(this.#times.flushMs);
    this.#durableNames = names;
  }

  /** The machine goes dark: names and ends of files that were not flushed may be gone. */
  cutPower(): void {
    // File systems journal their folders: the newest changes of names are lost together, or none.
    if (this.#random.uniform() < 0.5) this.#names = new Map(this.#durableNames);
    else this.#durableNames = new Map(this.#names);
    for (const inode of this.#names.values()) {
      const loose = inode.bytes.length - inode.durableLength;
      if (loose <= 0) continue;
      const kept = inode.durableLength + this.#random.below(loose + 1);
      if (kept < inode.bytes.length) this.counts.torn += 1;
      inode.bytes = inode.bytes.slice(0, kept);
      // Length and content of a file are flushed apart: the end may be there without what was written to it.
      if (this.#random.uniform() < 0.3) inode.bytes.fill(0, inode.durableLength);
      inode.durableLength = inode.bytes.length;
    }
  }

  #pass(longestMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(this.#random.uniform() * longestMs, resolve);
    });
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
