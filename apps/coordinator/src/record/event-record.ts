/**
 * The event record: what happened in a run beside its steps, a line each, for people, dashboards and whoever comes
 * later. It decides nothing: the journal alone says what the run has done. So it is written when there is time, and
 * lost when there is none: not flushed, bounded in length and memory, and no trouble of it ends a run.
 */
import { stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { z } from 'zod';
import type { recordStampSchema } from '../train/event-schema.js';
import type { RunEvent } from '../train/events.js';
import { Repetitions } from '../views/repetitions.js';
import { AppendFile } from './append-file.js';

/** Steps are in the journal; who computes what changes several times a step. */
export type RecordableEvent = Exclude<RunEvent, { event: 'step' | 'assigned' | 'answered' }>;

export type RecordedEvent = RecordableEvent & Readonly<z.infer<typeof recordStampSchema>>;

export interface EventRecordLimits {
  /** Length of the file, over all lives of the coordinator. */
  readonly fileBytesMax: number;
  readonly queueBytesMax: number;
  /** Events that may come before it is known where they go. */
  readonly earlyMax: number;
}

export const EVENT_RECORD_LIMITS: EventRecordLimits = {
  fileBytesMax: 16_000_000,
  queueBytesMax: 4_000_000,
  earlyMax: 1_000,
};

interface Stamped {
  readonly event: RecordableEvent;
  readonly at: string;
  /** Null before the journal was open. */
  readonly committed: number | null;
}

interface Target {
  readonly file: AppendFile;
  readonly committed: () => number;
}

export class EventRecord {
  readonly #warn: (text: string) => void;
  readonly #limits: EventRecordLimits;
  readonly #repetitions: Repetitions<Stamped>;
  #early: (Stamped & { readonly repeated: number })[] = [];
  #target: Target | undefined;
  #lengthBytes = 0;
  #missing = 0;
  #isFull = false;

  /** @param warn tells the user, once, that the disk refuses */
  constructor(warn: (text: string) => void, limits = EVENT_RECORD_LIMITS) {
    this.#warn = warn;
    this.#limits = limits;
    this.#repetitions = new Repetitions((stamped, heldBack) => this.#keep(stamped, heldBack));
  }

  /** Takes an event of the run. */
  add(event: RunEvent): void {
    if (!isRecordable(event)) return;
    const stamped = { event, at: new Date().toISOString(), committed: this.#target?.committed() ?? null };
    const nowMs = performance.now();
    const kind = floodKind(event);
    if (kind !== null) return this.#repetitions.add(kind, stamped, nowMs);
    if (event.event === 'summary') this.#repetitions.end();
    else this.#repetitions.sweep(nowMs);
    this.#keep(stamped, 0);
  }

  /**
   * From now on events go to this file, at its end; those that came before go there first.
   * @param committed steps in the journal now
   */
  async begin(path: string, committed: () => number): Promise<void> {
    const file = new AppendFile(path, {
      queueBytesMax: this.#limits.queueBytesMax,
      gatherMs: 0,
      mend: endLine,
      onTrouble: ({ message }) => this.#warn(`cannot write the event record: ${message}; the run goes on without it`),
    });
    // What cannot be looked at cannot be written either, and is told of then.
    const status = await stat(path).catch(() => null);
    this.#lengthBytes = status?.size ?? 0;
    this.#isFull = this.#lengthBytes >= this.#limits.fileBytesMax;
    this.#target = { file, committed };
    for (const { repeated, ...stamped } of this.#early) this.#keep(stamped, repeated);
    this.#early = [];
  }

  /** Writes what waits; later events are not recorded. */
  async close(): Promise<void> {
    this.#repetitions.end();
    await this.#target?.file.close();
  }

  #keep(stamped: Stamped, repeated: number): void {
    if (this.#target === undefined) {
      if (this.#early.length < this.#limits.earlyMax) this.#early.push({ ...stamped, repeated });
      return;
    }
    const { file, committed } = this.#target;
    const { event, at } = stamped;
    const common = { at, committed: stamped.committed ?? committed() };
    if (this.#missing > 0) {
      const text = `${this.#missing} events were not recorded: they came faster than the disk took them`;
      if (this.#write(file, { ...common, event: 'warning', text })) this.#missing = 0;
    }
    const isWritten = this.#write(file, { ...common, ...event, ...(repeated > 0 ? { repeated } : {}) });
    if (!isWritten) this.#missing += 1;
  }

  /** Returns false when the line found no room in the queue. */
  #write(file: AppendFile, recorded: RecordedEvent): boolean {
    if (this.#isFull) return true;
    const { at, committed } = recorded;
    let bytes = lineOf(recorded);
    this.#isFull = this.#lengthBytes + bytes.length > this.#limits.fileBytesMax;
    if (this.#isFull) bytes = lineOf({ at, committed, event: 'warning', text: FULL });
    const isTaken = file.push(bytes);
    if (isTaken) this.#lengthBytes += bytes.length;
    return isTaken;
  }
}

const FULL = 'the event record is full: nothing more is recorded';

function lineOf(recorded: RecordedEvent): Buffer {
  return Buffer.from(`${JSON.stringify(recorded)}\n`);
}

function isRecordable(event: RunEvent): event is RecordableEvent {
  return event.event !== 'step' && event.event !== 'assigned' && event.event !== 'answered';
}

/** What may come by the thousand is told once a minute for each of these; null for what is always told. */
function floodKind(event: RecordableEvent): string | null {
  switch (event.event) {
    case 'rejected':
      return `rejected ${event.worker ?? 'stranger'} ${event.reason}`;
    case 'late':
      return `late ${event.worker} ${event.activity}`;
    case 'warning':
    case 'notice':
      return `${event.event} ${event.text}`;
    default:
      return null;
  }
}

/** Ends a line that a crash or a full disk has torn, so that the next one stands by itself. */
async function endLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  if (size > 0) await file.read(last, 0, 1, size - 1);
  if (size > 0 && last[0] !== 0x0a) await file.write('\n');
}
