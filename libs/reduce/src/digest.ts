/**
 * A fast fingerprint of weights and gradients, for replicas to compare every few steps. xxh64 finds divergence, not
 * malice; checkpoints and the end of a run use SHA-256.
 */
import { invariant } from '@lockstep/config';
import xxhash from 'xxhash-wasm';

const HEX_DIGITS = 16;

/** WebAssembly hashes its own memory, so bytes are copied in; pieces of this size stay in the processor's cache. */
const CHUNK_BYTES = 65_536;

/** Compiles the hash; the function it gives returns the xxh64 (seed 0) of the bytes as 16 hex digits. */
export async function createDigest(): Promise<(bytes: Uint8Array) => string> {
  const { create64 } = await xxhash();
  return (bytes) => {
    const hash = create64();
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      hash.update(bytes.subarray(start, start + CHUNK_BYTES));
    }
    return hash.digest().toString(16).padStart(HEX_DIGITS, '0');
  };
}

/** The bytes of a vector as they travel: little-endian, a view without a copy. */
export function bytesOf<B extends ArrayBufferLike>(array: Float32Array<B>): Uint8Array<B> {
  invariant(isLittleEndian, 'this machine is big-endian, vectors travel little-endian');
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
