/**
 * Weights and optimizer state of one step as raw float32 bytes, the form in which they are stored; and as parts of a
 * bounded size, the form in which they travel.
 */
import { LIMITS, LockstepError } from '@lockstep/config';

export interface Replica {
  readonly step: number;
  readonly optimizerSteps: number;
  /** Names of the optimizer's vectors, in the order of `vectors` after the first. */
  readonly slots: readonly string[];
  /** Weights, then one vector for each slot. */
  readonly vectors: readonly Float32Array[];
}

/**
 * Joins parts, whose memory may belong to the transport, into vectors of their own.
 * @param parts in order: the weights and the slots' vectors without gaps, cut anywhere
 * @throws LockstepError `protocol` when the bytes are not that many vectors of one length
 */
export function replicaFromParts(about: Omit<Replica, 'vectors'>, parts: readonly Uint8Array[]): Replica {
  const { step, optimizerSteps, slots } = about;
  const count = 1 + slots.length;
  const vectorBytes = lengthBytes(parts) / count;
  const length = vectorBytes / Float32Array.BYTES_PER_ELEMENT;
  if (!Number.isInteger(length)) {
    const what = `a replica at step ${step} of ${lengthBytes(parts)} bytes is not ${count} vectors of one length`;
    throw new LockstepError('protocol', what, 'check that all sides run the same version of lockstep');
  }
  const vectors = Array.from({ length: count }, () => new Float32Array(length));
  const targets = vectors.map(viewAsBytes);
  let written = 0;
  for (const part of parts) {
    for (let read = 0; read < part.byteLength;) {
      const offset = written % vectorBytes;
      const piece = part.subarray(read, read + vectorBytes - offset);
      targets[Math.floor(written / vectorBytes)]?.set(piece, offset);
      read += piece.byteLength;
      written += piece.byteLength;
    }
  }
  return { step, optimizerSteps, slots, vectors };
}

/** In how many parts a replica travels; at least one. */
export function replicaPartCount({ vectors }: Replica): number {
  return Math.max(1, Math.ceil(lengthBytes(vectors) / LIMITS.replicaPartBytes));
}

/**
 * One part of a replica.
 * @param index from 0; a part past the end is empty
 * @returns the memory of the replica itself where the part lies within one vector, otherwise a copy
 */
export function partOfReplica({ vectors }: Replica, index: number): Uint8Array {
  const partStart = index * LIMITS.replicaPartBytes;
  const partEnd = partStart + LIMITS.replicaPartBytes;
  const pieces: Uint8Array[] = [];
  let vectorStart = 0;
  for (const vector of vectors) {
    const start = Math.max(0, partStart - vectorStart);
    const end = Math.min(vector.byteLength, partEnd - vectorStart);
    if (start < end) pieces.push(viewAsBytes(vector).subarray(start, end));
    vectorStart += vector.byteLength;
  }
  const [first, ...rest] = pieces;
  return first !== undefined && rest.length === 0 ? first : join(pieces);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(lengthBytes(pieces));
  let end = 0;
  for (const piece of pieces) {
    joined.set(piece, end);
    end += piece.byteLength;
  }
  return joined;
}

function lengthBytes(arrays: readonly { readonly byteLength: number }[]): number {
  return arrays.reduce((total, { byteLength }) => total + byteLength, 0);
}

/** A fresh, aligned copy of float32 bytes. */
export function copyToFloats(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}

/** Float32 bytes as the floats they are: the same memory where it is aligned, otherwise a copy. */
export function viewAsFloats(bytes: Uint8Array): Float32Array {
  if (bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT !== 0) return copyToFloats(bytes);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
}

/** A fresh, aligned copy of int32 bytes. */
export function copyToIntegers(bytes: Uint8Array): Int32Array<ArrayBuffer> {
  const integers = new Int32Array(bytes.byteLength / Int32Array.BYTES_PER_ELEMENT);
  new Uint8Array(integers.buffer).set(bytes);
  return integers;
}

/** The same memory, seen as bytes. */
export function viewAsBytes(array: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
