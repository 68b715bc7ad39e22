/**
 * Chrome's trace event format, as far as a profile needs it: complete spans, instant events, and the names of the
 * processes and threads they stand in. https://ui.perfetto.dev shows a process as a group of rows, a thread as a row.
 */

/** What a span may be about; the category of the events. */
export type Phase =
  'step' | 'data' | 'dispatch' | 'compute' | 'transfer' | 'reduce' | 'apply' | 'checkpoint' | 'evaluation' | 'sample';

export type Arguments = Readonly<Record<string, string | number | boolean | null>>;

interface Common {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: Arguments;
}

export type TraceEvent =
  /** Times in whole microseconds since the profile began. */
  | (Common & { readonly ph: 'X'; readonly cat: Phase; readonly ts: number; readonly dur: number })
  /** `s`: whether it concerns one process or all. */
  | (Common & { readonly ph: 'i'; readonly cat: 'marker'; readonly ts: number; readonly s: 'p' | 'g' })
  | (Common & { readonly ph: 'M' });

/** A row does one thing at a time. */
export interface Row {
  readonly pid: number;
  readonly tid: number;
  /** End of its last span, microseconds. */
  freeUs: number;
}

/** More rows than a process has; threads have numbers of their own across all processes. */
const ROWS_MAX = 16;

/**
 * Names a process and its rows, which are shown in this order.
 * @param place of the process among the others
 */
export function declareProcess<N extends string>(
  { pid, place, name }: { readonly pid: number; readonly place: number; readonly name: string },
  rowNames: readonly N[],
): { readonly rows: Readonly<Record<N, Row>>; readonly events: readonly TraceEvent[] } {
  const meta = (what: string, tid: number, args: Arguments): TraceEvent => ({ ph: 'M', name: what, pid, tid, args });
  const rows = rowNames.map((rowName, index) => [rowName, { pid, tid: pid * ROWS_MAX + index, freeUs: 0 }] as const);
  return {
    rows: Object.fromEntries(rows) as Record<N, Row>,
    events: [
      meta('process_name', pid * ROWS_MAX, { name }),
      meta('process_sort_index', pid * ROWS_MAX, { sort_index: place }),
      ...rows.flatMap(([rowName, { tid }], index) => [
        meta('thread_name', tid, { name: rowName }),
        meta('thread_sort_index', tid, { sort_index: index }),
      ]),
    ],
  };
}

/** A span that begins no sooner than the row is free: where times are estimates, spans of a row must not overlap. */
export function span(
  row: Row,
  { name, phase, beganMs, endedMs }: { name: string; phase: Phase; beganMs: number; endedMs: number },
  args: Arguments,
): TraceEvent {
  const ts = Math.max(row.freeUs, microseconds(beganMs));
  const dur = Math.max(0, microseconds(endedMs) - ts);
  row.freeUs = ts + dur;
  return { ph: 'X', name, cat: phase, pid: row.pid, tid: row.tid, ts, dur, args };
}

export function marker(row: Row, scope: 'p' | 'g', name: string, atMs: number, args: Arguments): TraceEvent {
  const { pid, tid } = row;
  return { ph: 'i', name, cat: 'marker', pid, tid, ts: microseconds(atMs), s: scope, args };
}

function microseconds(timeMs: number): number {
  return Math.max(0, Math.round(timeMs * 1000));
}
