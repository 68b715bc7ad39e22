/**
 * The form in which the gradient of a shard travels. In `bfloat16` (8 bits of exponent, 7 of fraction) each value is
 * rounded to nearest, ties to even, once, before any addition, and nothing of the rounding is kept for later: the same
 * shard gives the same bytes whoever computes it. Sums and means are float32 in any case.
 */
import { packBfloat16, unpackBfloat16 } from '@lockstep/vector';
import { bytesOf } from './digest.js';

export type Wire = 'float32' | 'bfloat16';

/** Bytes of one value on its way. */
export function wireValueBytes(wire: Wire): number {
  return wire === 'float32' ? Float32Array.BYTES_PER_ELEMENT : Uint16Array.BYTES_PER_ELEMENT;
}

/** The bytes that travel: the memory of the vector itself in `float32`, a copy otherwise. */
export function toWire(values: Float32Array, wire: Wire): Uint8Array {
  if (wire === 'float32') return bytesOf(values);
  const packed = new Uint16Array(values.length);
  packBfloat16(values, packed);
  return new Uint8Array(packed.buffer);
}

/** The values that have travelled, in memory of their own. */
export function fromWire(bytes: Uint8Array, wire: Wire): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bytes.byteLength / wireValueBytes(wire));
  unpackWire(bytes, wire, values);
  return values;
}

/** The same into memory that is there, as long as what has travelled. */
export function unpackWire(bytes: Uint8Array, wire: Wire, into: Float32Array): void {
  if (wire === 'float32') bytesOf(into).set(bytes);
  else unpackBfloat16(alignedCopy(bytes), into);
}

/** Received bytes may begin anywhere. */
function alignedCopy(bytes: Uint8Array): Uint16Array {
  const isAligned = bytes.byteOffset % Uint16Array.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, bytes.byteLength / Uint16Array.BYTES_PER_ELEMENT);
}
