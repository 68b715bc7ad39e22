import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planShards } from './shards.js';

describe('planShards', () => {
  it('makes the first shards one row larger', () => {
    expect(planShards(64, 3)).toEqual([
      { index: 0, rowStart: 0, rowEnd: 22 },
      { index: 1, rowStart: 22, rowEnd: 43 },
      { index: 2, rowStart: 43, rowEnd: 64 },
    ]);
  });

  it('covers every row once with shards that differ by one row at most, larger ones first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (batchSize, draw) => {
        const shards = planShards(batchSize, 1 + (draw % batchSize));
        expect(shards.map((shard) => shard.index)).toEqual([...shards.keys()]);
        expect(shards[0].rowStart).toBe(0);
        expect(shards[shards.length - 1].rowEnd).toBe(batchSize);
        shards.slice(1).forEach((shard, before) => expect(shard.rowStart).toBe(shards[before].rowEnd));
        const sizes = shards.map((shard) => shard.rowEnd - shard.rowStart);
        expect(sizes[0] - sizes[sizes.length - 1]).toBeLessThanOrEqual(1);
        expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
        expect(Math.min(...sizes)).toBeGreaterThan(0);
      }),
    );
  });

  it.each([
    [2, 3],
    [64, 0],
    [64, -1],
    [64, 1.5],
    [0, 1],
    [Number.NaN, 1],
  ])('refuses a batch of %s over %s shards', (batchSize, shardCount) => {
    expect(() => planShards(batchSize, shardCount)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});
