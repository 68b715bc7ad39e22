import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { VACANT_MS, Vacancy } from './vacancy.js';

const worker = (status: string, slot = 0): RunEvent => ({ event: 'worker', worker: slot, status, detail: '' });

function follow(): { readonly told: () => number; readonly vacancy: Vacancy; happens(event: RunEvent): void } {
  const tell = vi.fn();
  const vacancy = new Vacancy(tell);
  const happens = (event: RunEvent): void => {
    vacancy.shown(event);
    vacancy.look(false);
    vi.advanceTimersByTime(2 * VACANT_MS);
  };
  return { told: () => tell.mock.calls.length, vacancy, happens };
}

describe('a run without workers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is told of once, and again after somebody was there', () => {
    const { told, happens } = follow();
    happens({ event: 'notice', text: 'any' });
    happens({ event: 'notice', text: 'any' });
    expect(told()).toBe(1);
    happens(worker('preparing'));
    happens(worker('preparing', 1));
    happens(worker('gone'));
    expect(told()).toBe(1);
    happens(worker('left', 1));
    happens({ event: 'notice', text: 'any' });
    expect(told()).toBe(2);
  });

  it('is not told of when somebody comes within a moment', () => {
    const { told, vacancy, happens } = follow();
    vacancy.look(false);
    vi.advanceTimersByTime(VACANT_MS / 2);
    happens(worker('preparing'));
    expect(told()).toBe(0);
  });

  it('is not told of while local workers are started, nor at the end', () => {
    const { told, vacancy } = follow();
    vacancy.look(true);
    vi.advanceTimersByTime(2 * VACANT_MS);
    vacancy.look(false);
    vacancy.close();
    vi.advanceTimersByTime(2 * VACANT_MS);
    expect(told()).toBe(0);
  });

  it('is told of when nobody finds the next coordinator', () => {
    const { told, vacancy, happens } = follow();
    happens(worker('ready'));
    vacancy.forget();
    happens({ event: 'notice', text: 'any' });
    expect(told()).toBe(1);
  });
});
