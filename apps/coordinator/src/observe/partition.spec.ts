import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partition } from './partition.js';
import type { Segment } from './partition.js';

const PHASES = ['data', 'dispatch', 'compute', 'transfer', 'reduce', 'apply', 'checkpoint'] as const;

describe('a stretch of time', () => {
  it('is divided among what happened, and the rest is told', () => {
    const segments: Segment[] = [
      { phase: 'dispatch', fromMs: 8, toMs: 12 },
      { phase: 'compute', fromMs: 12, toMs: 30 },
      { phase: 'transfer', fromMs: 30, toMs: 34 },
      { phase: 'reduce', fromMs: 36, toMs: 50 },
    ];
    const nothing = { data: 0, apply: 0, checkpoint: 0 };
    expect(partition(10, 40, segments)).toEqual({
      ...{ ...nothing, dispatch: 2, compute: 18, transfer: 4, reduce: 4, other: 2 },
    });
  });

  it('counts what goes on at the same time once, as what matters most', () => {
    const segments: Segment[] = [
      { phase: 'transfer', fromMs: 0, toMs: 10 },
      { phase: 'compute', fromMs: 4, toMs: 6 },
      { phase: 'compute', fromMs: 5, toMs: 8 },
    ];
    expect(partition(0, 10, segments)).toMatchObject({ compute: 4, transfer: 6, other: 0 });
  });

  it('adds up to its length, whatever happened', () => {
    const segment = fc.record({
      phase: fc.constantFrom(...PHASES),
      fromMs: fc.integer({ min: -50, max: 150 }),
      toMs: fc.integer({ min: -50, max: 150 }),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), fc.integer({ min: 0, max: 100 }), (segments, length) => {
        const parts = partition(0, length, segments);
        expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBe(length);
        expect(Object.values(parts).every((part) => part >= 0)).toBe(true);
      }),
    );
  });
});
