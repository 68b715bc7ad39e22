import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  it('doubles up to its maximum while breaks follow each other', () => {
    const backoff = new Backoff(50, 2000);
    expect([0, 60, 200, 500, 1000, 2000, 4000].map((nowMs) => backoff.nextMs(nowMs))).toEqual([
      50, 100, 200, 400, 800, 1600, 2000,
    ]);
  });

  it('begins anew after a connection that lasted', () => {
    const backoff = new Backoff(50, 2000);
    backoff.nextMs(0);
    expect(backoff.nextMs(3999)).toBe(100);
    expect(backoff.nextMs(8000)).toBe(50);
  });
});
