/**
 * Memory that workers on one machine share, so that what they exchange need not pass a socket. A block is a nameless
 * file of its owner, which others open by way of its descriptor under /proc: nothing is left behind when a process is
 * killed. A random token at its head shows that it is the block that was meant.
 */
import { LockstepError } from '@lockstep/config';
import type { SharedBlock, SharedMemory, SharedPlace } from '@lockstep/runtime';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { LinuxMemory } from './linux.js';
import type { Address } from './linux.js';
import { register } from './threads.js';

const FOLDER = '/dev/shm';
/** A page, so that what follows begins at one. */
const HEAD_BYTES = 4096;
const TOKEN_BYTES = 16;

interface Mapping {
  readonly address: Address;
  readonly buffer: ArrayBuffer;
  readonly token: string;
}

/** @returns null where memory cannot be shared: elsewhere than on Linux, or without /dev/shm */
export function openSharedMemory(): SharedMemory | null {
  if (process.platform !== 'linux' || !existsSync(FOLDER)) return null;
  try {
    return new LinuxSharedMemory(new LinuxMemory());
  } catch {
    return null;
  }
}

class LinuxSharedMemory implements SharedMemory {
  readonly host: string;
  readonly #memory: LinuxMemory;
  readonly #mappings = new Map<string, Mapping>();

  constructor(memory: LinuxMemory) {
    this.#memory = memory;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Descriptors are found by process id, and only by processes of the same user.
    this.host = `${boot} ${readlinkSync('/proc/self/ns/pid')} ${process.getuid?.() ?? 0}`;
  }

  allocate(lengthBytes: number): SharedBlock {
    const totalBytes = HEAD_BYTES + lengthBytes;
    const descriptor = this.#memory.createFile(FOLDER, totalBytes);
    const { address, buffer } = this.#memory.map(descriptor, totalBytes, true);
    register(buffer, address);
    const token = randomBytes(TOKEN_BYTES);
    new Uint8Array(buffer).set(token);
    return {
      path: `/proc/${process.pid}/fd/${descriptor}`,
      token: token.toString('hex'),
      bytes: new Uint8Array(buffer, HEAD_BYTES),
      free: () => {
        this.#memory.unmap(address, totalBytes);
        closeSync(descriptor);
      },
    };
  }

  read({ path, token, offset, lengthBytes }: SharedPlace): Uint8Array {
    const { buffer } = this.#mapping(path, token);
    if (HEAD_BYTES + offset + lengthBytes > buffer.byteLength) throw misplaced(path);
    return new Uint8Array(buffer, HEAD_BYTES + offset, lengthBytes);
  }

  release(): void {
    for (const [path, mapping] of this.#mappings) this.#let(path, mapping);
  }

  /** The owner has put another block in its place, or is gone. */
  #let(path: string, { address, buffer }: Mapping): void {
    this.#mappings.delete(path);
    this.#memory.unmap(address, buffer.byteLength);
  }

  #mapping(path: string, token: string): Mapping {
    const known = this.#mappings.get(path);
    if (known?.token === token) return known;
    if (known !== undefined) this.#let(path, known);
    const descriptor = openSync(path, 'r');
    try {
      const lengthBytes = fstatSync(descriptor).size;
      const { address, buffer } = this.#memory.map(descriptor, lengthBytes, false);
      const mapping = { address, buffer, token: Buffer.from(buffer, 0, TOKEN_BYTES).toString('hex') };
      if (mapping.token !== token) {
        this.#memory.unmap(address, lengthBytes);
        throw misplaced(path);
      }
      this.#mappings.set(path, mapping);
      return mapping;
    } finally {
      closeSync(descriptor);
    }
  }
}

function misplaced(path: string): LockstepError {
  return new LockstepError('protocol', `${path} is not the shared memory that was meant`, 'look at the other worker');
}
