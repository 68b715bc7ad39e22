/**
 * What Chrome's trace event format demands of a trace, as far as viewers depend on it: the fields of each kind of
 * event, names for every process and thread, and spans of one thread that do not cross each other.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

export interface TraceSpan {
  readonly name: string;
  readonly cat: string;
  readonly process: string;
  readonly thread: string;
  /** Microseconds. */
  readonly ts: number;
  readonly end: number;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface Trace {
  readonly spans: readonly TraceSpan[];
  readonly markers: readonly { readonly name: string; readonly process: string; readonly args: unknown }[];
  readonly processes: readonly string[];
}

type Event = Readonly<Record<string, unknown>>;

type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const fits =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const COMMON = { ph: fits(/^.$/), name: fits(/./), pid: isCount, tid: isCount, args: isObject };
const FORMS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  X: { ...COMMON, cat: fits(/^[a-z]+$/), ts: isCount, dur: isCount },
  i: { ...COMMON, cat: fits(/^marker$/), ts: isCount, s: fits(/^[gpt]$/) },
  M: { ...COMMON, name: fits(/^(process|thread)_(name|sort_index)$/) },
};

function expectForm(event: Event): void {
  const form = FORMS[String(event['ph'])] ?? {};
  expect(Object.keys(event).sort()).toEqual(Object.keys(form).sort());
  const wrong = Object.entries(form).filter(([field, check]) => !check(event[field]));
  expect(wrong.map(([field]) => `${field} of ${JSON.stringify(event)}`)).toEqual([]);
}

/** Reads a trace that is closed, and fails where it breaks a rule. */
export function readTrace(path: string): Trace {
  const events = JSON.parse(readFileSync(path, 'utf8')) as readonly Event[];
  for (const event of events) expectForm(event);
  const names = new Map<string, string>();
  for (const { ph, name, pid, tid, args } of events) {
    const key = name === 'process_name' ? `process ${String(pid)}` : `thread ${String(pid)} ${String(tid)}`;
    const value = (args as Event)['name'];
    if (ph === 'M' && typeof value === 'string') names.set(key, value);
  }
  const nameOf = (key: string): string => {
    expect(names.has(key), `${key} has a name`).toBe(true);
    return names.get(key) ?? '';
  };
  const placed = events.map((event) => ({
    ...(event as { name: string; cat: string; ph: string; ts: number; dur: number; args: Event }),
    process: nameOf(`process ${String(event['pid'])}`),
    thread: event['ph'] === 'M' ? '' : nameOf(`thread ${String(event['pid'])} ${String(event['tid'])}`),
  }));
  const spans = placed
    .filter(({ ph }) => ph === 'X')
    .map(({ dur, ...event }) => ({ ...event, end: event.ts + dur }))
    .sort((left, right) => left.ts - right.ts);
  expectNoOverlap(spans);
  const processes = [...names].filter(([key]) => key.startsWith('process')).map(([, name]) => name);
  return { spans, markers: placed.filter(({ ph }) => ph === 'i'), processes: processes.sort() };
}

/** A viewer drops a span that begins within another one of its row and ends after it. */
function expectNoOverlap(ordered: readonly TraceSpan[]): void {
  const ends = new Map<string, number>();
  for (const span of ordered) {
    const row = `${span.process}: ${span.thread}`;
    expect(span.ts, `${span.name} in ${row}`).toBeGreaterThanOrEqual(ends.get(row) ?? 0);
    ends.set(row, span.end);
  }
}
