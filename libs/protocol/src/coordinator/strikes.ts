/**
 * A worker that fails again and again is let in ever more slowly, and in the end not at all; one that is caught
 * computing wrongly is not let in again. Counted by name, which outlives the process.
 */
import { LIMITS } from '@lockstep/config';
import type { CoordinatorState, Strikes } from './state.js';

export type Standing =
  { readonly kind: 'welcome' } | { readonly kind: 'wait'; readonly ms: number } | { readonly kind: 'quarantined' };

const NONE: Strikes = { count: 0, lastAtMs: -Infinity, isQuarantined: false };

function strikesOf(state: CoordinatorState, name: string, nowMs: number): Strikes {
  const known = state.strikes.get(name) ?? NONE;
  return known.isQuarantined || nowMs - known.lastAtMs < LIMITS.strikeMemoryMs ? known : NONE;
}

/** Counts one more failure. */
export function strike(state: CoordinatorState, name: string, nowMs: number): CoordinatorState {
  const known = strikesOf(state, name, nowMs);
  const next = { ...known, count: known.count + 1, lastAtMs: nowMs };
  return { ...state, strikes: new Map(state.strikes).set(name, next) };
}

/** The failure that was counted last was none: the process is back. */
export function unstrike(state: CoordinatorState, name: string): CoordinatorState {
  const known = state.strikes.get(name);
  if (known === undefined || known.isQuarantined) return state;
  const next = { ...known, count: Math.max(0, known.count - 1) };
  return { ...state, strikes: new Map(state.strikes).set(name, next) };
}

export function quarantine(state: CoordinatorState, name: string, nowMs: number): CoordinatorState {
  const known = strikesOf(state, name, nowMs);
  const next = { ...known, lastAtMs: nowMs, isQuarantined: true };
  return { ...state, strikes: new Map(state.strikes).set(name, next) };
}

/** @param supervised whoever restarts this worker waits already */
export function standingOf(state: CoordinatorState, name: string, supervised: boolean, nowMs: number): Standing {
  const { count, lastAtMs, isQuarantined } = strikesOf(state, name, nowMs);
  if (isQuarantined) return { kind: 'quarantined' };
  if (supervised || count === 0) return { kind: 'welcome' };
  if (count >= LIMITS.strikesMax) return { kind: 'quarantined' };
  const pauseMs = Math.min(LIMITS.strikePauseMsMax, LIMITS.strikePauseMsMin * 2 ** (count - 1));
  const ms = lastAtMs + pauseMs - nowMs;
  return ms <= 0 ? { kind: 'welcome' } : { kind: 'wait', ms };
}
