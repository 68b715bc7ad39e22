/**
 * A fast fingerprint of weights and gradients, for replicas to compare after every step. xxh64 finds divergence and
 * flipped bits, not malice; checkpoints and the end of a run use SHA-256.
 */
import { invariant } from '@lockstep/config';
import { Xxh64 } from '@node-rs/xxhash';

const HEX_DIGITS = 16;

/** The package's function for a single vector reads memory that is in no cache half as fast as its stream does. */
const stream = new Xxh64();

/** The xxh64 (seed 0) of the bytes as 16 hex digits. */
export function digestOf(bytes: Uint8Array): string {
  stream.reset();
  return stream.update(bytes).digest().toString(16).padStart(HEX_DIGITS, '0');
}

/** The bytes of a vector as they travel: little-endian, a view without a copy. */
export function bytesOf<B extends ArrayBufferLike>(array: Float32Array<B>): Uint8Array<B> {
  invariant(isLittleEndian, 'this machine is big-endian, vectors travel little-endian');
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
