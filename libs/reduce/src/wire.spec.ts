import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf } from './digest.js';
import { fromWire, toWire, unpackWire, wireValueBytes } from './wire.js';

const vectors = fc.array(fc.float({ noNaN: true }), { maxLength: 100 }).map((values) => Float32Array.from(values));

describe('the wire', () => {
  it('keeps every bit of float32', () => {
    fc.assert(
      fc.property(vectors, (values) => {
        expect(bytesOf(fromWire(toWire(values, 'float32'), 'float32'))).toEqual(bytesOf(values));
      }),
    );
  });

  it('unpacks into memory that is there', () => {
    fc.assert(
      fc.property(vectors, fc.constantFrom('float32', 'bfloat16'), (values, wire) => {
        const bytes = toWire(values, wire);
        const into = new Float32Array(values.length).fill(7);
        unpackWire(bytes, wire, into);
        expect(bytesOf(into)).toEqual(bytesOf(fromWire(bytes, wire)));
      }),
    );
  });

  it('rounds to bfloat16 once: what has travelled travels again unchanged', () => {
    fc.assert(
      fc.property(vectors, (values) => {
        const sent = toWire(values, 'bfloat16');
        expect(sent.byteLength).toBe(values.length * wireValueBytes('bfloat16'));
        const arrived = fromWire(sent, 'bfloat16');
        expect(toWire(arrived, 'bfloat16')).toEqual(sent);
        arrived.forEach((value, index) => {
          if (Number.isFinite(value)) expect(Math.abs(value - values[index])).toBeLessThanOrEqual(bound(values[index]));
        });
      }),
    );
  });

  it('reads bytes wherever they begin', () => {
    const values = Float32Array.of(1, -2.5, 3.140625);
    for (const wire of ['float32', 'bfloat16'] as const) {
      const sent = toWire(values, wire);
      const shifted = new Uint8Array(sent.byteLength + 1);
      shifted.set(sent, 1);
      expect([...fromWire(shifted.subarray(1), wire)]).toEqual([...values]);
    }
  });
});

/** Half of the last of eight significant bits; near zero half of the least step there is. */
function bound(value: number): number {
  return Math.max(Math.abs(value) * 2 ** -8, 2 ** -134);
}
