import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planShards } from './shards.js';
import { countWindows, cutRows, splitValidation } from './windows.js';

const countUp = (length: number): Int32Array => Int32Array.from({ length }, (_, index) => index);

describe('countWindows', () => {
  it('takes T + 1 characters a window and drops the remainder', () => {
    expect(countWindows(101, 100)).toBe(1);
    expect(countWindows(201, 100)).toBe(1);
    expect(countWindows(202, 100)).toBe(2);
  });

  it('names both lengths when there is no whole window', () => {
    const message = 'the validation text has 100 characters, one window needs 101';
    const count = (): number => countWindows(100, 100, 'validation text');
    expect(count).toThrow(expect.objectContaining({ kind: 'data', message }));
  });
});

describe('splitValidation', () => {
  it('holds out the end', () => {
    const { training, validation } = splitValidation(countUp(10), 0.25);
    expect([...training]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...validation]).toEqual([8, 9]);
  });

  it('holds out nothing for 0 and loses nothing for any fraction', () => {
    expect(splitValidation(countUp(10), 0).validation.length).toBe(0);
    fc.assert(
      fc.property(fc.nat(200), fc.double({ min: 0, max: 0.999, noNaN: true }), (length, fraction) => {
        const { training, validation } = splitValidation(countUp(length), fraction);
        expect([...training, ...validation]).toEqual([...countUp(length)]);
      }),
    );
  });

  it('refuses to hold out everything', () => {
    expect(() => splitValidation(countUp(10), 1)).toThrow('not in [0, 1)');
    expect(() => splitValidation(countUp(10), Number.NaN)).toThrow('not in [0, 1)');
  });
});

describe('cutRows', () => {
  it('copies the windows of the rows, in row order', () => {
    const rows = cutRows(countUp(14), Int32Array.of(2, 0, 1), 0, 2, 3);
    expect([...rows]).toEqual([8, 9, 10, 11, 0, 1, 2, 3]);
  });

  it('gives the shards of a plan exactly the rows of the batch', () => {
    const arbitrary = fc.record({ batchSize: fc.integer({ min: 1, max: 20 }), length: fc.integer({ min: 1, max: 7 }) });
    fc.assert(
      fc.property(arbitrary, fc.nat(), ({ batchSize, length }, draw) => {
        const ids = countUp(50);
        const windowCount = countWindows(ids.length, length);
        const windows = Int32Array.from({ length: batchSize }, (_, row) => (row * 7 + draw) % windowCount);
        const shards = planShards(batchSize, 1 + (draw % batchSize));
        const joined = shards.flatMap((shard) => [...cutRows(ids, windows, shard.rowStart, shard.rowEnd, length)]);
        expect(joined).toEqual([...cutRows(ids, windows, 0, batchSize, length)]);
      }),
    );
  });

  it('refuses rows outside the batch and windows outside the text', () => {
    expect(() => cutRows(countUp(8), Int32Array.of(0, 1), 1, 3, 3)).toThrow('rows 1 to 3 of 2');
    expect(() => cutRows(countUp(8), Int32Array.of(0, 1), 1, 1, 3)).toThrow('rows 1 to 1 of 2');
    expect(() => cutRows(countUp(8), Int32Array.of(0, 2), 0, 2, 3)).toThrow('window 2 is outside the text');
    expect(() => cutRows(countUp(7), Int32Array.of(0, 1), 0, 2, 3)).toThrow('window 1 is outside the text');
    expect(() => cutRows(countUp(8), Int32Array.of(-1), 0, 1, 3)).toThrow('window -1 is outside the text');
  });
});
