import { describe, expect, it } from 'vitest';
import { measureLoopback, zeromqFacts } from './facts.js';

describe('zeromqFacts', () => {
  it('names a libzmq that can encrypt', () => {
    expect(zeromqFacts()).toEqual({ version: expect.stringMatching(/^4\.3\.\d+$/) as string, curve: true });
  });
});

describe('measureLoopback', () => {
  it('measures real round trips and leaves nothing open', async () => {
    const before = process.getActiveResourcesInfo().length;
    const figures = await measureLoopback({ rounds: 3, payloadBytes: 1_000_000 });
    expect(figures.roundTripMs).toBeGreaterThan(0);
    expect(figures.megabytesPerSecond).toBeGreaterThan(0);
    expect(Number.isFinite(figures.megabytesPerSecond)).toBe(true);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
  });
});
