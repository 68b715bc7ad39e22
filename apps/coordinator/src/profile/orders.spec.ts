import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf, place } from './orders.js';
import type { Order } from './orders.js';

const ENVELOPE = { run: 'r', term: 1, membership: 1 };

function order(sentMs: number, bytes: number): Order {
  const about = { step: 0, shard: 0, attempt: 0, rows: 4, digest: false, ship: true };
  return { message: { type: 'assign', ...ENVELOPE, ...about }, sentMs, bytes };
}

const NOTHING_BEFORE = { reachedMs: 0, freeMs: 0 };

describe('place', () => {
  it('divides the time on the way by bytes: a gradient takes nearly all of it', () => {
    const answer = { times: { waitedMs: 10, workedMs: 50 }, bytes: 16_000_000, atMs: 180 };
    const { reachedMs, beganMs, endedMs } = place(order(100, 400), answer, NOTHING_BEFORE);
    expect(reachedMs).toBeCloseTo(100.08, 2);
    expect(beganMs).toBeCloseTo(110.08, 2);
    expect(endedMs).toBeCloseTo(160.08, 2);
  });

  it('divides it evenly between two small messages', () => {
    const answer = { times: { waitedMs: 0, workedMs: 2 }, bytes: 300, atMs: 6 };
    expect(place(order(0, 300), answer, NOTHING_BEFORE)).toEqual({ reachedMs: 2, beganMs: 2, endedMs: 4 });
  });

  it('lets no order overtake the one before it, and no work begin before the end of the work before it', () => {
    const answer = { times: { waitedMs: 20, workedMs: 40 }, bytes: 300, atMs: 100 };
    const placed = place(order(0, 300), answer, { reachedMs: 30, freeMs: 56 });
    expect(placed).toEqual({ reachedMs: 35, beganMs: 56, endedMs: 96 });
  });

  it('stays between order and answer, whatever a worker says of its times', () => {
    const time = fc.double({ min: 0, max: 1e6, noNaN: true });
    const bytes = fc.nat(1e8);
    fc.assert(
      fc.property(
        time,
        time,
        time,
        time,
        time,
        time,
        bytes,
        bytes,
        (sentMs, tookMs, waitedMs, workedMs, a, b, c, d) => {
          const atMs = sentMs + tookMs;
          const before = { reachedMs: Math.min(a, atMs), freeMs: Math.min(b, atMs) };
          const placed = place(order(sentMs, c), { times: { waitedMs, workedMs }, bytes: d, atMs }, before);
          const { reachedMs, beganMs, endedMs } = placed;
          expect([sentMs, reachedMs, beganMs, endedMs, atMs]).toEqual(
            [sentMs, reachedMs, beganMs, endedMs, atMs].sort((left, right) => left - right),
          );
          expect(beganMs).toBeGreaterThanOrEqual(before.freeMs);
          // Work that fits is not shortened, but by what its place was estimated wrongly.
          if (before.freeMs <= sentMs && before.reachedMs <= sentMs && waitedMs + workedMs <= tookMs) {
            expect(endedMs - beganMs).toBeCloseTo(workedMs, 3);
          }
        },
      ),
    );
  });
});

describe('keyOf', () => {
  it('tells attempts at a shard apart, and what is no order', () => {
    const assign = order(0, 0).message;
    const again = { ...assign, attempt: 1 } as typeof assign;
    expect(keyOf(assign)).not.toBe(keyOf(again));
    expect(keyOf({ type: 'heartbeat', ...ENVELOPE, step: 3 })).toBeNull();
  });
});
