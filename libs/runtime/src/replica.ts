/** Weights and optimizer state of one step as raw float32 bytes, the form in which they are shipped and stored. */
import type { SnapshotPayload } from '@lockstep/protocol';

export interface Replica {
  readonly step: number;
  readonly optimizerSteps: number;
  /** Names of the optimizer's vectors, in the order of `vectors` after the first. */
  readonly slots: readonly string[];
  /** Weights, then one vector for each slot. */
  readonly vectors: readonly Float32Array[];
}

/** Copies a received payload, whose memory may belong to the transport, into vectors of its own. */
export function replicaFromSnapshot(snapshot: SnapshotPayload): Replica {
  const { step, optimizerSteps, slots, payload } = snapshot;
  return { step, optimizerSteps, slots, vectors: payload.map(copyToFloats) };
}

/** A fresh, aligned copy of float32 bytes. */
export function copyToFloats(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
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
