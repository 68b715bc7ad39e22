/**
 * Shared memory among the threads of one process: an ArrayBuffer over it cannot be posted to another thread, but its
 * address can.
 */
import koffi from 'koffi';
import type { Address } from './linux.js';

/** Bytes of a shared block, named so that another thread of this process finds them. */
export interface MemoryReference {
  readonly address: Address;
  readonly blockBytes: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

const addresses = new WeakMap<ArrayBufferLike, Address>();
const views = new Map<Address, ArrayBuffer>();

/** Makes the bytes of a mapping known to `referenceTo`. */
export function register(buffer: ArrayBuffer, address: Address): void {
  addresses.set(buffer, address);
}

/** @returns null when the bytes do not lie in memory that this thread has allocated to share */
export function referenceTo({ buffer, byteOffset, byteLength }: Uint8Array): MemoryReference | null {
  const address = addresses.get(buffer);
  if (address === undefined) return null;
  return { address, blockBytes: buffer.byteLength, offset: byteOffset, lengthBytes: byteLength };
}

/** The bytes that another thread of this process means; it must keep them mapped as long as they are used. */
export function dereference({ address, blockBytes, offset, lengthBytes }: MemoryReference): Uint8Array<ArrayBuffer> {
  let buffer = views.get(address);
  if (buffer?.byteLength !== blockBytes) {
    buffer = koffi.view(address, blockBytes);
    views.set(address, buffer);
  }
  return new Uint8Array(buffer, offset, lengthBytes);
}
