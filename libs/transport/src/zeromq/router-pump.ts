/**
 * Moves messages from the peers' queues into a ROUTER socket: one send at a time, one message per peer and round. A
 * peer whose pipe is full waits for the next retry and holds up nobody else.
 */
import type { Router } from 'zeromq';
import { RETRY_MS_MAX, RETRY_MS_MIN, SENDS_PER_TURN_MAX } from '../limits.js';
import type { Outbox } from '../outbox.js';
import { orDeadline } from './closing.js';
import { errorCode } from '../endpoint-error.js';

export interface Lane {
  readonly routingId: Uint8Array;
  readonly outbox: Outbox;
}

export interface PumpOutcome<L extends Lane> {
  /** The lane's queue became empty. */
  drained(lane: L): void;
  /** There is no connection to this peer. */
  unreachable(lane: L): void;
}

export class RouterPump<L extends Lane> {
  readonly #socket: Router;
  readonly #outcome: PumpOutcome<L>;
  readonly #ready = new Set<L>();
  readonly #full = new Set<L>();
  #isRunning = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS_MIN;
  #whenIdle: (() => void) | undefined;

  constructor(socket: Router, outcome: PumpOutcome<L>) {
    this.#socket = socket;
    this.#outcome = outcome;
  }

  /** Says that the lane has something to send. */
  wake(lane: L): void {
    if (this.#full.has(lane)) return;
    this.#ready.add(lane);
    if (!this.#isRunning) void this.#run();
  }

  /** Forgets a lane and what waits in it. */
  remove(lane: L): void {
    lane.outbox.clear();
    this.#ready.delete(lane);
    this.#full.delete(lane);
    this.#checkIdle();
  }

  /** Resolves when all queues are empty, or at the deadline; after it nothing more is sent. */
  async finish(deadlineMs: number): Promise<void> {
    await orDeadline(deadlineMs, (done) => {
      this.#whenIdle = done;
      this.#checkIdle();
    });
    clearTimeout(this.#retryTimer);
    this.#ready.clear();
    this.#full.clear();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let sends = 0;
    for (;;) {
      const [lane] = this.#ready;
      if (lane === undefined) break;
      this.#ready.delete(lane);
      await this.#sendHead(lane);
      sends += 1;
      if (sends % SENDS_PER_TURN_MAX === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
    this.#checkIdle();
  }

  async #sendHead(lane: L): Promise<void> {
    const frames = lane.outbox.head();
    if (frames === undefined) return;
    try {
      await this.#socket.send([lane.routingId, ...frames]);
    } catch (thrown) {
      // The queue may have been cleared, and even refilled, while the promise settled.
      if (lane.outbox.head() === frames) this.#refused(lane, errorCode(thrown), thrown);
      else if (lane.outbox.size > 0) this.#ready.add(lane);
      return;
    }
    this.#retryMs = RETRY_MS_MIN;
    lane.outbox.remove(frames);
    if (lane.outbox.size > 0) this.#ready.add(lane);
    else this.#outcome.drained(lane);
  }

  #refused(lane: L, code: string, thrown: unknown): void {
    if (code === 'EAGAIN') {
      this.#full.add(lane);
      this.#retryTimer ??= setTimeout(() => this.#retry(), this.#retryMs);
    } else if (code === 'EHOSTUNREACH') {
      this.#outcome.unreachable(lane);
    } else if (!this.#socket.closed) {
      throw thrown;
    }
  }

  #retry(): void {
    this.#retryTimer = undefined;
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
    // Reading `writable` makes ZeroMQ look at what its I/O thread has reported; a send alone may skip that.
    void this.#socket.writable;
    for (const lane of this.#full) this.#ready.add(lane);
    this.#full.clear();
    if (!this.#isRunning) void this.#run();
  }

  #checkIdle(): void {
    if (!this.#isRunning && this.#ready.size === 0 && this.#full.size === 0) this.#whenIdle?.();
  }
}
