import { describe, expect, it } from 'vitest';
import { Repetitions, withCount } from './repetitions.js';

function listen(): { readonly told: string[]; readonly repetitions: Repetitions<string> } {
  const told: string[] = [];
  return { told, repetitions: new Repetitions((line, held) => told.push(withCount(line, held))) };
}

describe('what comes again and again', () => {
  it('is told once a minute, with its number; other kinds are told at once', () => {
    const { told, repetitions } = listen();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) repetitions.add('stale', `line ${nowMs}`, nowMs);
    repetitions.add('other', 'something else', 30_000);
    expect(told).toEqual(['line 0', 'something else']);
    repetitions.sweep(60_000);
    expect(told.slice(2)).toEqual(['line 59000 (59 like this in the last minute)']);
  });

  it('and not again for a minute is new', () => {
    const { told, repetitions } = listen();
    repetitions.add('stale', 'one', 0);
    repetitions.add('stale', 'two', 60_000);
    expect(told).toEqual(['one', 'two']);
  });

  it('is not lost at the end', () => {
    const { told, repetitions } = listen();
    for (const line of ['one', 'two', 'three']) repetitions.add('stale', line, 0);
    repetitions.end();
    expect(told).toEqual(['one', 'three (2 like this in the last minute)']);
  });
});
