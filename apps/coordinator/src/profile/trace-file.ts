/**
 * A trace on the disk, of bounded length: its first events as they come, its last ones when it is closed, and in
 * between only markers. It is written in the array form, which viewers also read when the end is missing, so that the
 * profile of a coordinator that was killed is not lost.
 */
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { TraceEvent } from './trace-event.js';

export interface TraceLimits {
  /** Events kept from the beginning, and from the end. */
  readonly head: number;
  readonly tail: number;
  /** Markers kept from between. */
  readonly markers: number;
}

/** A file of some 15 megabytes, whatever the length of the run. */
export const TRACE_LIMITS: TraceLimits = { head: 50_000, tail: 50_000, markers: 5_000 };

/** A disk that hangs holds up the end of a run no longer. */
const CLOSE_DEADLINE_MS = 10_000;

type Timed = Exclude<TraceEvent, { ph: 'M' }>;

export class TraceFile {
  readonly #limits: TraceLimits;
  readonly #stream: WriteStream;
  readonly #markers: Timed[] = [];
  /** The latest events; from `#oldest` on, round the end. */
  readonly #tail: Timed[] = [];
  #oldest = 0;
  #written = 0;
  #leftOut = 0;
  #headUs = 0;
  #isBegun = false;
  #isOver = false;
  #closed: Promise<void> | undefined;

  /** @param onTrouble called once when the disk refuses; nothing is written afterwards */
  constructor(path: string, limits: TraceLimits, onTrouble: (error: Error) => void) {
    this.#limits = limits;
    this.#stream = createWriteStream(path, { flags: 'w' });
    this.#stream.on('error', (error) => {
      if (!this.#isOver) onTrouble(error);
      this.#isOver = true;
    });
  }

  add(event: TraceEvent): void {
    if (this.#isOver || this.#closed !== undefined) return;
    if (event.ph === 'M') this.#write(event);
    else if (this.#written < this.#limits.head) {
      this.#written += 1;
      this.#headUs = Math.max(this.#headUs, endOf(event));
      this.#write(event);
    } else {
      this.#keep(event);
    }
  }

  /**
   * Writes what is kept of the end.
   * @param leftOut makes what stands for events that had to go, from their number and the time they are missing from
   */
  async close(leftOut: (events: number, fromUs: number, untilUs: number) => TraceEvent): Promise<void> {
    this.#closed ??= this.#finish(leftOut);
    return this.#closed;
  }

  async #finish(leftOut: (events: number, fromUs: number, untilUs: number) => TraceEvent): Promise<void> {
    if (this.#isOver) return;
    const tail = [...this.#tail.slice(this.#oldest), ...this.#tail.slice(0, this.#oldest)];
    for (const event of [...this.#markers, ...tail]) this.#write(event);
    if (this.#leftOut > 0) this.#write(leftOut(this.#leftOut, this.#headUs, tail[0]?.ts ?? this.#headUs));
    const done = finished(this.#stream).catch(() => undefined);
    this.#stream.end(this.#isBegun ? '\n]\n' : '[]\n');
    await Promise.race([done, delay(CLOSE_DEADLINE_MS, undefined, { ref: false })]);
    this.#isOver = true;
  }

  #keep(event: Timed): void {
    if (this.#tail.length < this.#limits.tail) {
      this.#tail.push(event);
      return;
    }
    const dropped = this.#tail[this.#oldest];
    this.#tail[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.#limits.tail;
    if (dropped?.ph === 'i' && this.#markers.length < this.#limits.markers) this.#markers.push(dropped);
    else this.#leftOut += 1;
  }

  #write(event: TraceEvent): void {
    this.#stream.write(`${this.#isBegun ? ',\n' : '[\n'}${JSON.stringify(event)}`);
    this.#isBegun = true;
  }
}

function endOf(event: Timed): number {
  return event.ph === 'X' ? event.ts + event.dur : event.ts;
}
