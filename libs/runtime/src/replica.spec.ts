import { LIMITS } from '@lockstep/config';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partOfReplica, replicaFromParts, replicaPartCount, viewAsFloats } from './replica.js';
import type { Replica } from './replica.js';

const ABOUT = { step: 7, optimizerSteps: 5, slots: ['m', 'v'] };

function replicaOf(length: number): Replica {
  const vectors = [0, 1, 2].map((vector) => Float32Array.from({ length }, (_, index) => vector * length + index));
  return { ...ABOUT, vectors };
}

function partsOf(replica: Replica): Uint8Array[] {
  return Array.from({ length: replicaPartCount(replica) }, (_, index) => partOfReplica(replica, index));
}

describe('a replica in parts', () => {
  it.each([0, 1, 1000, LIMITS.replicaPartBytes / 4, LIMITS.replicaPartBytes / 4 + 1, LIMITS.replicaPartBytes / 8])(
    'of vectors of length %i comes back as it was',
    (length) => {
      const replica = replicaOf(length);
      const parts = partsOf(replica);
      expect(parts).toHaveLength(Math.max(1, Math.ceil((3 * 4 * length) / LIMITS.replicaPartBytes)));
      expect(parts.slice(0, -1).every((part) => part.byteLength === LIMITS.replicaPartBytes)).toBe(true);
      const back = replicaFromParts(ABOUT, parts);
      expect({ ...back, vectors: [] }).toEqual({ ...ABOUT, vectors: [] });
      const isSame = back.vectors.map((vector, index) => {
        const other = replica.vectors[index];
        return vector.length === length && vector.every((value, at) => value === other?.[at]);
      });
      expect(isSame).toEqual([true, true, true]);
    },
  );

  it('does not mind where it was cut, nor at which offset the parts lie', () => {
    const replica = replicaOf(5);
    const whole = partOfReplica(replica, 0);
    const cuts = fc.array(fc.integer({ min: 0, max: whole.byteLength }), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (unsorted) => {
        const bounds = [0, ...unsorted.sort((a, b) => a - b), whole.byteLength];
        const parts = bounds.slice(1).map((end, index) => {
          const part = whole.subarray(bounds[index], end);
          const odd = new Uint8Array(part.byteLength + 1);
          odd.set(part, 1);
          return odd.subarray(1);
        });
        expect(replicaFromParts(ABOUT, parts).vectors).toEqual(replica.vectors);
      }),
    );
  });

  it('refuses bytes that are not that many vectors', () => {
    expect(() => replicaFromParts(ABOUT, [new Uint8Array(25)])).toThrow(/25 bytes is not 3 vectors/);
    expect(() => replicaFromParts(ABOUT, [new Uint8Array(16)])).toThrow(/16 bytes is not 3 vectors/);
  });
});

describe('viewAsFloats', () => {
  it('takes the memory itself where it is aligned, otherwise a copy', () => {
    const bytes = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const part = viewAsFloats(bytes.subarray(4));
    expect([...part]).toEqual([2, 3]);
    expect(part.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(13);
    shifted.set(bytes, 1);
    expect([...viewAsFloats(shifted.subarray(1))]).toEqual([1, 2, 3]);
  });
});
