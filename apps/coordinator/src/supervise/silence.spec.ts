import { describe, expect, it } from 'vitest';
import { HUNG_MS, LOOK_EVERY_MS, Silence, SILENT_MS } from './silence.js';
import type { Finding } from './silence.js';

/** Looks every second from `fromMs` on; returns what was found, with its time. */
function watch(silence: Silence, fromMs: number, untilMs: number, isHeard: boolean): [number, Finding][] {
  const found: [number, Finding][] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += LOOK_EVERY_MS) {
    if (isHeard) silence.heard(nowMs);
    const finding = silence.look(nowMs);
    if (finding !== 'nothing new') found.push([nowMs, finding]);
  }
  return found;
}

describe('a child that says something every second', () => {
  it('is never told about', () => {
    expect(watch(new Silence(0), 0, 600_000, true)).toEqual([]);
  });

  it('and falls silent is told about once, and once more when it is hung', () => {
    expect(watch(new Silence(0), 0, 3 * HUNG_MS, false)).toEqual([
      [SILENT_MS, 'silent'],
      [HUNG_MS, 'hung'],
    ]);
  });

  it('and comes back is told about, and may fall silent again', () => {
    const silence = new Silence(0);
    expect(watch(silence, 0, 20_000, false)).toEqual([[SILENT_MS, 'silent']]);
    expect(watch(silence, 21_000, 30_000, true)).toEqual([[21_000, 'answers again']]);
    expect(watch(silence, 31_000, 45_000, false)).toEqual([[30_000 + SILENT_MS, 'silent']]);
  });

  it('is not blamed when we were stopped ourselves', () => {
    const silence = new Silence(0);
    expect(watch(silence, 0, 5_000, true)).toEqual([]);
    expect(silence.look(5_000 + 2 * HUNG_MS)).toBe('nothing new');
    expect(watch(silence, 6_000 + 2 * HUNG_MS, 10_000 + 2 * HUNG_MS, true)).toEqual([]);
  });
});
