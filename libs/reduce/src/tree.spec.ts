import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitOf, sumScalars, treeAdditions } from './tree.js';

describe('splitOf', () => {
  it('sends the largest power of two below the size to the left', () => {
    const leftSizes = [2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 64].map((size) => splitOf(0, size));
    expect(leftSizes).toEqual([1, 2, 2, 4, 4, 4, 4, 8, 8, 16, 32]);
  });

  it('counts from where the node starts', () => {
    expect(splitOf(8, 11)).toBe(10);
  });

  it('refuses a leaf', () => {
    expect(() => splitOf(3, 4)).toThrow('is a leaf');
  });
});

describe('sumScalars', () => {
  it('adds along the tree, not from left to right', () => {
    const tiny = 2 ** -53;
    expect(1 + tiny + tiny + tiny).toBe(1);
    expect(sumScalars([1, tiny, tiny, tiny])).toBe(1 + 2 * tiny);
    expect(sumScalars([1, tiny, 0, 0, tiny, tiny])).toBe(1 + 2 * tiny);
  });

  it('is exact where float64 is', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 70 }), (values) => {
        expect(sumScalars(values)).toBe(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it('refuses nothing and gaps', () => {
    expect(() => sumScalars([])).toThrow('no shard to sum');
    const gap: number[] = [];
    gap[1] = 1;
    expect(() => sumScalars(gap)).toThrow('shard 0 has no value');
  });
});

describe('treeAdditions', () => {
  it('are the additions of the tree, none before its parts', () => {
    expect(treeAdditions(1)).toEqual([]);
    expect(treeAdditions(5)).toEqual([
      [0, 1],
      [2, 3],
      [0, 2],
      [0, 4],
    ]);
  });

  it('give what sumScalars gives', () => {
    const numbers = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { minLength: 1, maxLength: 70 });
    fc.assert(
      fc.property(numbers, (values) => {
        const sums = [...values];
        for (const [left, right] of treeAdditions(values.length)) sums[left] += sums[right];
        expect(sums[0]).toBe(sumScalars(values));
      }),
    );
  });

  it('refuse to add up nothing', () => {
    expect(() => treeAdditions(0)).toThrow('nothing to add up');
  });
});
