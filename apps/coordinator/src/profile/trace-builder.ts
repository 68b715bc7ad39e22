/**
 * From what the coordinator's loop did and saw to the events of a trace: one process for each worker, one for the
 * coordinator. What the coordinator does for the shard of one worker stands in the rows of that worker, what it does
 * for all in its own.
 */
import type { CoordinatorMessage, Report } from '@lockstep/protocol';
import type { Moment } from '@lockstep/runtime';
import { declareProcess, marker, span } from './trace-event.js';
import type { Arguments, Phase, Row, TraceEvent } from './trace-event.js';
import { WorkerRows } from './worker-rows.js';

const COORDINATOR_PID = 1;
const ROWS = ['run', 'step', 'reduce', 'journal', 'checkpoint'] as const;
/** More workers than a run has at a time; where more than these have come and gone, rows serve several of them. */
const WORKERS_MAX = 2_048;

type Known<T extends Moment['type']> = Extract<Moment, { type: T }>;

export class TraceBuilder {
  readonly #emit: (event: TraceEvent) => void;
  readonly #originMs: number;
  readonly #rows: Readonly<Record<(typeof ROWS)[number], Row>>;
  /** By slot, name and host: a worker that comes back finds its rows. */
  readonly #known = new Map<string, WorkerRows>();
  readonly #peers = new Map<string, { readonly slot: number; readonly rows: WorkerRows }>();
  readonly #slots = new Map<number, WorkerRows>();
  /** Of peers that have said hello and are not welcomed yet. */
  readonly #strangers = new Map<string, { readonly name: string; readonly host: string }>();
  readonly #behind = new Set<number>();
  /** The step that is computed, and whose gradients have come for its shards. */
  #step: { readonly step: number; readonly beganMs: number; readonly shards: number } | undefined;
  readonly #givers = new Map<number, string>();

  /**
   * @param originMs time of the loop's clock that is 0 in the trace
   * @param about said of the trace in its first marker
   */
  constructor(originMs: number, about: Arguments, emit: (event: TraceEvent) => void) {
    this.#originMs = originMs;
    this.#emit = emit;
    const { rows, events } = declareProcess({ pid: COORDINATOR_PID, place: 0, name: 'coordinator' }, ROWS);
    this.#rows = rows;
    for (const event of events) emit(event);
    emit(marker(rows.run, 'p', 'profile begins', 0, about));
  }

  take(moment: Moment): void {
    switch (moment.type) {
      case 'sent':
        return this.#sent(this.#shifted(moment));
      case 'received':
        return this.#received({ ...moment, atMs: moment.atMs - this.#originMs });
      case 'step-begun': {
        this.#givers.clear();
        this.#step = { step: moment.step, beganMs: moment.atMs - this.#originMs, shards: moment.shards };
        return;
      }
      case 'collected': {
        const giver = this.#peers.get(this.#givers.get(moment.shard) ?? '');
        return giver?.rows.collected(this.#shifted(moment));
      }
      case 'reduced':
        return this.#work('reduce', 'reduce', 'reduce', this.#shifted(moment), { what: 'mean, norm, clip' });
      case 'journalled':
        return this.#work('journal', 'journal', 'checkpoint', this.#shifted(moment), {});
      case 'saved':
        return this.#saved(this.#shifted(moment));
      case 'reported':
        return this.#reported(moment.report, moment.atMs - this.#originMs);
    }
  }

  /** What stands for a stretch of time from which events are missing. */
  leftOut(events: number, fromUs: number, untilUs: number): TraceEvent {
    const times = { beganMs: fromUs / 1000, endedMs: untilUs / 1000 };
    return span(this.#rows.run, { name: 'left out', phase: 'step', ...times }, { events });
  }

  #shifted<M extends { readonly beganMs: number; readonly endedMs: number }>(moment: M): M {
    return { ...moment, beganMs: moment.beganMs - this.#originMs, endedMs: moment.endedMs - this.#originMs };
  }

  #sent(moment: Known<'sent'>): void {
    const { peer, message, endedMs } = moment;
    if (message.type === 'welcome') this.#welcome(peer, message.slot);
    if (message.type === 'stop') this.#strangers.delete(peer);
    if (message.type === 'update') this.#endStep(message, endedMs);
    this.#peers.get(peer)?.rows.sent(moment);
  }

  #welcome(peer: string, slot: number): void {
    const { name, host } = this.#strangers.get(peer) ?? { name: '?', host: '?' };
    this.#strangers.delete(peer);
    const key = `${slot} ${name} ${host}`;
    const shared = this.#known.size < WORKERS_MAX ? undefined : this.#slots.get(slot);
    const rows =
      this.#known.get(key) ??
      shared ??
      new WorkerRows(
        { pid: COORDINATOR_PID + 1 + this.#known.size, place: 1 + slot, name: `worker ${slot} (${name} on ${host})` },
        this.#emit,
      );
    if (shared === undefined) this.#known.set(key, rows);
    rows.begin();
    for (const [other, known] of this.#peers) if (known.slot === slot) this.#peers.delete(other);
    this.#peers.set(peer, { slot, rows });
    this.#slots.set(slot, rows);
  }

  #received(moment: Known<'received'>): void {
    const { peer, message } = moment;
    if (message.type === 'hello') {
      if (this.#strangers.size >= WORKERS_MAX) this.#strangers.clear();
      this.#strangers.set(peer, message);
    }
    const isGradient = message.type === 'gradient' || message.type === 'shipped';
    if (isGradient && message.step === this.#step?.step) this.#givers.set(message.shard, peer);
    this.#peers.get(peer)?.rows.received(moment);
  }

  #endStep({ record, exchange }: Extract<CoordinatorMessage, { type: 'update' }>, endedMs: number): void {
    const begun = this.#step;
    if (begun?.step !== record.step) return;
    this.#step = undefined;
    const { loss, characters, gradientNorm } = record;
    const about = { step: record.step + 1, loss, characters, gradientNorm, shards: begun.shards };
    const topology = exchange === null ? 'star' : 'mesh';
    const times = { beganMs: begun.beganMs, endedMs };
    this.#emit(span(this.#rows.step, { name: 'step', phase: 'step', ...times }, { ...about, topology }));
  }

  #work(
    row: 'reduce' | 'journal',
    name: string,
    phase: Phase,
    { step, beganMs, endedMs }: { readonly step: number; readonly beganMs: number; readonly endedMs: number },
    args: Arguments,
  ): void {
    this.#emit(span(this.#rows[row], { name, phase, beganMs, endedMs }, { step: step + 1, ...args }));
  }

  #saved({ step, beganMs, endedMs }: Known<'journalled' | 'saved'>): void {
    const times = { beganMs, endedMs };
    this.#emit(span(this.#rows.checkpoint, { name: 'checkpoint', phase: 'checkpoint', ...times }, { step }));
    this.#emit(marker(this.#rows.checkpoint, 'p', 'checkpoint on the disk', endedMs, { step }));
  }

  #reported(report: Report, atMs: number): void {
    const said = markerOf(report, this.#behind);
    if (said === null) return;
    const { name, slot, args } = said;
    const rows = slot === null ? undefined : this.#slots.get(slot);
    this.#emit(marker(rows?.row ?? this.#rows.run, slot === null ? 'g' : 'p', name, atMs, args));
  }
}

interface Said {
  readonly name: string;
  /** Of the worker it is about. */
  readonly slot: number | null;
  readonly args: Arguments;
}

/** Texts of reports are of any length. */
const cut = (text: string): string => text.slice(0, 300);

/**
 * @param behind slots of late workers: one that is ready again has not just joined
 */
function markerOf(report: Report, behind: Set<number>): Said | null {
  switch (report.type) {
    case 'worker': {
      const { slot, status, detail } = report;
      const said = (name: string): Said => ({ name, slot, args: { worker: slot, detail: cut(detail) } });
      if (status === 'ready') return said(behind.delete(slot) ? 'back' : 'join');
      if (status === 'left') return said('leave');
      return status === 'gone' ? said('fault: worker lost') : null;
    }
    case 'late': {
      const { slot, step, activity, waitedMs } = report;
      behind.add(slot);
      return { name: 'late', slot, args: { worker: slot, step: step + 1, activity, waitedMs } };
    }
    case 'rejected':
      return { name: `rejected: ${report.reason}`, slot: report.slot, args: { detail: cut(report.detail) } };
    case 'quarantined':
      return { name: 'fault: worker quarantined', slot: null, args: { name: report.name, detail: cut(report.detail) } };
    case 'topology':
      return { name: `topology: ${report.topology}`, slot: null, args: { why: cut(report.why) } };
    case 'plan':
      return { name: 'shards', slot: null, args: { fromStep: report.fromStep + 1, shards: report.shards } };
    case 'recovered':
      return { name: `fault: recovered from ${report.from}`, slot: null, args: { step: report.step } };
    case 'validation':
      return { name: 'validation loss', slot: null, args: { step: report.step, loss: report.loss } };
    case 'mismatch':
      return { name: `fault: bits differ (${report.kind})`, slot: null, args: { what: cut(report.what) } };
    case 'warning':
      return { name: 'warning', slot: null, args: { what: cut(report.what) } };
    case 'assigned':
    case 'answered':
    case 'sample':
      return null;
  }
}
