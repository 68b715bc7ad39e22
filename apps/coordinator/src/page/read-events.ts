/**
 * Reads what a run wrote down of its events: one JSON object a line, appended by each life of its coordinator. A
 * last line that is torn, or one of another version, is no reason to show nothing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../train/events.js';
import type { EventRecord } from './updates-of.js';

export const EVENTS_FILE = 'events.ndjson';

/** @returns nothing when the run has written none */
export async function readEvents(runDirectory: string): Promise<readonly EventRecord[]> {
  const text = await readFile(join(runDirectory, EVENTS_FILE), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => eventRecord(line) ?? []);
}

/** A line of this program's own; null when it is not whole, or says something else. */
export function eventRecord(line: string): EventRecord | null {
  try {
    const { at, committed, ...event } = JSON.parse(line) as Record<string, unknown>;
    if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || typeof committed !== 'number') return null;
    return isRunEvent(event) ? { at, committed, event } : null;
  } catch {
    return null;
  }
}

/** What carries the name of an event was written by `JSON.stringify` of one. */
function isRunEvent(value: Record<string, unknown>): value is Record<string, unknown> & RunEvent {
  return typeof value['event'] === 'string';
}
