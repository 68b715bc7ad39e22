import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TreeSum } from './tree-sum.js';

const bitsOf = (vector: Float32Array): number[] => [...new Uint32Array(vector.slice().buffer)];

/** The tree in its plainest form: float32 rounding spelt out, the split found by doubling. */
function referenceSum(gradients: readonly Float32Array[]): Float32Array {
  if (gradients.length === 1) return gradients[0].slice();
  let split = 1;
  while (split * 2 < gradients.length) split *= 2;
  const left = referenceSum(gradients.slice(0, split));
  const right = referenceSum(gradients.slice(split));
  return left.map((value, index) => Math.fround(value + right[index]));
}

function sumInOrder(gradients: readonly Float32Array[], order: readonly number[]): Float32Array {
  const sum = new TreeSum(gradients.length, gradients[0].length);
  for (const shardIndex of order) sum.add(shardIndex, gradients[shardIndex].slice());
  return sum.take();
}

/** Gradients of one length, far enough from the largest float32 that no sum of them overflows. */
const gradientsArbitrary = fc
  .record({ shardCount: fc.integer({ min: 1, max: 33 }), length: fc.integer({ min: 1, max: 11 }) })
  .chain(({ shardCount, length }) => {
    const value = fc.float({ min: -(2 ** 100), max: 2 ** 100, noNaN: true });
    const values = fc.array(value, { minLength: length, maxLength: length });
    const gradient = values.map((numbers) => Float32Array.from(numbers));
    return fc.array(gradient, { minLength: shardCount, maxLength: shardCount });
  });

const gradientsInSomeOrder = gradientsArbitrary.chain((gradients) => {
  const indices = [...gradients.keys()];
  const order = fc.shuffledSubarray(indices, { minLength: indices.length, maxLength: indices.length });
  return fc.tuple(fc.constant(gradients), order);
});

describe('TreeSum', () => {
  it('gives the bits of the plain recursive sum for any order of arrival', () => {
    fc.assert(
      fc.property(gradientsInSomeOrder, ([gradients, order]) => {
        expect(bitsOf(sumInOrder(gradients, order))).toEqual(bitsOf(referenceSum(gradients)));
      }),
      { numRuns: 500 },
    );
  });

  it('adds neighbours first, which left to right would round away', () => {
    const tiny = 2 ** -24;
    const gradients = [1, tiny, tiny, tiny].map((value) => Float32Array.of(value));
    expect(sumInOrder(gradients, [3, 1, 2, 0])[0]).toBe(1 + 2 * tiny);
  });

  it('rounds every addition to float32', () => {
    const gradients = [2 ** 24, 1, 1].map((value) => Float32Array.of(value));
    expect(sumInOrder(gradients, [0, 1, 2])[0]).toBe(2 ** 24);
  });

  it('makes aligned blocks subtrees, so that a worker may send one partial sum for them', () => {
    fc.assert(
      fc.property(gradientsArbitrary, fc.integer({ min: 0, max: 4 }), (gradients, power) => {
        const size = 2 ** power;
        const blockCount = Math.ceil(gradients.length / size);
        const blocks = Array.from({ length: blockCount }, (_, block) => {
          const members = gradients.slice(block * size, (block + 1) * size);
          return sumInOrder(members, [...members.keys()]);
        });
        expect(bitsOf(sumInOrder(blocks, [...blocks.keys()]))).toEqual(bitsOf(referenceSum(gradients)));
      }),
    );
  });

  it('adds a node up as soon as both halves are there, in the array of the left one', () => {
    const [first, second] = [Float32Array.of(1, 2), Float32Array.of(10, 20)];
    const sum = new TreeSum(4, 2);
    sum.add(1, second);
    expect([...first]).toEqual([1, 2]);
    sum.add(0, first);
    expect([...first]).toEqual([11, 22]);
    sum.add(2, Float32Array.of(100, 200));
    expect([...first]).toEqual([11, 22]);
    sum.add(3, Float32Array.of(1000, 2000));
    expect(sum.take()).toBe(first);
    expect([...first]).toEqual([1111, 2222]);
  });

  it('holds a sum a bit of the number of shards, when they come in their order', () => {
    const sum = new TreeSum(13, 1);
    const held = Array.from({ length: 13 }, (_, shard) => {
      sum.add(shard, Float32Array.of(shard));
      return sum.held;
    });
    expect(held).toEqual([1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 1]);
  });

  it('gives back every array but that of the sum, none of them twice or still in use', () => {
    fc.assert(
      fc.property(gradientsInSomeOrder, ([gradients, order]) => {
        const sum = new TreeSum(gradients.length, gradients[0].length);
        const given = gradients.map((gradient) => gradient.slice());
        const back = order.flatMap((shard) => {
          const spare = sum.add(shard, given[shard]);
          for (const array of spare) array.fill(Number.NaN);
          return spare;
        });
        const total = sum.take();
        expect(bitsOf(total)).toEqual(bitsOf(referenceSum(gradients)));
        expect(new Set([...back, total])).toEqual(new Set(given));
        expect(back).toHaveLength(given.length - 1);
      }),
    );
  });

  it('tells which shards are missing', () => {
    const sum = new TreeSum(3, 1);
    expect(sum.missing()).toEqual([0, 1, 2]);
    sum.add(1, Float32Array.of(1));
    expect(sum.missing()).toEqual([0, 2]);
    expect(sum.complete).toBe(false);
    sum.add(0, Float32Array.of(1));
    sum.add(2, Float32Array.of(1));
    expect(sum.missing()).toEqual([]);
    expect(sum.complete).toBe(true);
  });

  it('refuses a shard twice, even after its sum went into a parent', () => {
    const sum = new TreeSum(3, 1);
    sum.add(0, Float32Array.of(1));
    expect(() => sum.add(0, Float32Array.of(1))).toThrow('shard 0 was added before');
    sum.add(1, Float32Array.of(1));
    expect(() => sum.add(1, Float32Array.of(1))).toThrow('shard 1 was added before');
    sum.add(2, Float32Array.of(1));
    expect([...sum.take()]).toEqual([3]);
  });

  it('gives the sum away once, and only when it is complete', () => {
    const sum = new TreeSum(2, 1);
    sum.add(0, Float32Array.of(1));
    expect(() => sum.take()).toThrow('not complete');
    sum.add(1, Float32Array.of(1));
    sum.take();
    expect(() => sum.take()).toThrow('taken before');
  });

  it('refuses shards and gradients that are not of its plan', () => {
    expect(() => new TreeSum(0, 1)).toThrow('shard count 0');
    const sum = new TreeSum(2, 3);
    expect(() => sum.add(2, new Float32Array(3))).toThrow('shard 2 is not among 2');
    expect(() => sum.add(-1, new Float32Array(3))).toThrow('shard -1 is not among 2');
    expect(() => sum.add(0, new Float32Array(4))).toThrow('a gradient of 4 values instead of 3');
    expect(sum.missing()).toEqual([0, 1]);
  });
});
