/** The few calls of the system that map memory; Node has none of them. */
import { LockstepError } from '@lockstep/config';
import koffi from 'koffi';
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const ADVICE = 'gradients travel by sockets instead';

export type Address = bigint;
type Call<R> = (...args: readonly unknown[]) => R;

export class LinuxMemory {
  readonly #map: Call<Address | null>;
  readonly #unmap: Call<number>;
  readonly #allocate: Call<number>;

  /** @throws whatever koffi does where there is no such library */
  constructor() {
    const libc = koffi.load('libc.so.6');
    this.#map = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');
    this.#unmap = libc.func('int munmap(void *, size_t)');
    this.#allocate = libc.func('int posix_fallocate(int, int64_t, int64_t)');
  }

  /**
   * A file in memory without a name: it is gone with the last process that holds it, however that ends.
   * @returns its descriptor
   * @throws LockstepError `unavailable` when there is not so much room: touching memory that is not there would kill us
   */
  createFile(folder: string, lengthBytes: number): number {
    const path = join(folder, `lockstep-${process.pid}-${randomUUID()}`);
    const descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    const code = this.#allocate(descriptor, 0, lengthBytes);
    if (code === 0) return descriptor;
    closeSync(descriptor);
    const what = `${folder} has no room for ${(lengthBytes / 1e6).toFixed(0)} MB (error ${code})`;
    throw new LockstepError('unavailable', what, ADVICE);
  }

  /** @throws LockstepError `unavailable` when the system refuses */
  map(descriptor: number, lengthBytes: number, writable: boolean): { address: Address; buffer: ArrayBuffer } {
    const access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = this.#map(null, lengthBytes, access, MAP_SHARED, descriptor, 0);
    if (address === null || BigInt.asIntN(64, address) === -1n) {
      throw new LockstepError('unavailable', 'the system refuses to map shared memory', ADVICE);
    }
    return { address, buffer: koffi.view(address, lengthBytes) };
  }

  unmap(address: Address, lengthBytes: number): void {
    this.#unmap(address, lengthBytes);
  }
}
