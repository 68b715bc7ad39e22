/** A checkpoint of the toy model as bytes: a digest, then JSON. What is torn or altered does not come back. */
import type { Replica } from '@lockstep/runtime';

const DIGEST_LENGTH = 16;

export function encodeCheckpoint(digest: (bytes: Uint8Array) => string, replica: Replica): Uint8Array {
  const body = JSON.stringify({ ...replica, vectors: replica.vectors.map((vector) => [...vector]) });
  return new TextEncoder().encode(digest(new TextEncoder().encode(body)) + body);
}

/** The replica, or undefined for what is no whole checkpoint. */
export function decodeCheckpoint(digest: (bytes: Uint8Array) => string, bytes: Uint8Array): Replica | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, DIGEST_LENGTH));
  const body = bytes.subarray(DIGEST_LENGTH);
  if (digest(body) !== text) return undefined;
  const parsed = JSON.parse(new TextDecoder().decode(body)) as Omit<Replica, 'vectors'> & { vectors: number[][] };
  return { ...parsed, vectors: parsed.vectors.map((vector) => Float32Array.from(vector)) };
}
