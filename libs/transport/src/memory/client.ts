/**
 * A worker's end in memory; behaves as the ZeroMQ client does. Asked where frames are to be put it behaves as a TCP
 * link: bytes come in two parts, and the end of the connection may cut them short.
 */
import type { RandomStream } from '@lockstep/data';
import type { ClientEvent, ClientTransport, Clock, Frames, RoomFor } from '@lockstep/runtime';
import { Backoff } from '../backoff.js';
import { EventSlot } from '../event-slot.js';
import { LINGER_MS_MAX } from '../limits.js';
import { Outbox } from '../outbox.js';
import type { OutboxBounds } from '../outbox.js';
import { checkMessage } from '../wire.js';
import type { Link, LinkEnd } from './link.js';

/** Longest time between the two parts of a frame, and how seldom it is long: some outlast what they are read for. */
const READING_MS_MAX = 2000;
const READING_RARITY = 16;

export interface MemoryClientSetting {
  readonly maxFrameBytes: number;
  readonly bounds: OutboxBounds;
  readonly clock: Clock;
  /** For the pauses between attempts. */
  readonly random: RandomStream;
  /** One attempt to reach the server; undefined when it is not there. */
  dial(client: MemoryClient): Link | undefined;
}

export class MemoryClient implements ClientTransport, LinkEnd {
  readonly maxFrameBytes: number;
  readonly bounds: OutboxBounds;
  readonly #setting: MemoryClientSetting;
  readonly #events: EventSlot<ClientEvent>;
  /** What is sent while there is no connection. */
  readonly #waiting: Outbox;
  readonly #backoff: Backoff;
  #link: Link | undefined;
  #cancelAttempt: (() => void) | undefined;
  #whenFlushed: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #roomFor: RoomFor | undefined;
  /** A frame is being read into the room that was given for it; what has come meanwhile. */
  #isReading = false;
  #behind: Frames[] = [];

  constructor(setting: MemoryClientSetting) {
    this.#setting = setting;
    this.maxFrameBytes = setting.maxFrameBytes;
    this.bounds = setting.bounds;
    this.#waiting = new Outbox(setting.bounds);
    this.#backoff = new Backoff(() => setting.random.uniform());
    this.#events = new EventSlot(() => this.#link?.flush());
    this.#attemptAfter(0);
  }

  onEvent(handler: (event: ClientEvent) => void): void {
    this.#events.set(handler);
  }

  onRoom(handler: RoomFor): void {
    this.#roomFor = handler;
  }

  send(frames: Frames): void {
    checkMessage(frames, this.maxFrameBytes);
    if (this.#events.isClosed) return;
    if (this.#link !== undefined) {
      const { toServer } = this.#link;
      if (!toServer.push(frames)) this.#link.end(givenUp(toServer));
    } else if (!this.#waiting.push(frames)) {
      const reason = givenUp(this.#waiting);
      this.#waiting.clear();
      this.#setting.clock.after(0, () => this.#events.emit({ type: 'disconnected', reason }));
    }
  }

  reconnect(reason: string): void {
    if (this.#events.isClosed) return;
    this.#backoff.reset();
    if (this.#link !== undefined) {
      this.#link.end(reason);
      return;
    }
    this.#cancelAttempt?.();
    this.#attemptAfter(0);
  }

  close(lingerMs: number): Promise<void> {
    this.#events.close();
    this.#closing ??= this.#finish(lingerMs);
    return this.#closing;
  }

  isListening(): boolean {
    return this.#events.isListening && !this.#isReading;
  }

  received(link: Link, frames: Frames): void {
    if (link !== this.#link) return;
    if (this.#isReading) {
      this.#behind.push(frames);
      return;
    }
    const last = frames.at(-1);
    const before = frames.slice(0, -1);
    const room = last === undefined || before.length === 0 ? null : this.#roomFor?.(before, last.byteLength);
    if (last === undefined || room?.byteLength !== last.byteLength) this.#events.emit({ type: 'message', frames });
    else this.#readInto(room, last, before, link);
  }

  #readInto(room: Uint8Array, last: Uint8Array, before: Frames, link: Link): void {
    const half = last.byteLength >> 1;
    room.set(last.subarray(0, half));
    this.#isReading = true;
    this.#setting.clock.after(READING_MS_MAX * this.#setting.random.uniform() ** READING_RARITY, () => {
      this.#isReading = false;
      if (link !== this.#link) return;
      room.set(last.subarray(half), half);
      this.#events.emit({ type: 'message', frames: [...before, room] });
      for (const next of this.#behind.splice(0)) this.received(link, next);
      link.flush();
    });
  }

  ended(link: Link, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#behind = [];
    this.#waiting.clear();
    if (this.#events.isClosed) return;
    this.#attemptAfter(this.#backoff.pauseMs(this.#setting.clock.now()));
    this.#events.emit({ type: 'disconnected', reason });
  }

  #attemptAfter(delayMs: number): void {
    this.#cancelAttempt = this.#setting.clock.after(delayMs, () => {
      const link = this.#setting.dial(this);
      if (link === undefined) this.#attemptAfter(this.#backoff.pauseMs(this.#setting.clock.now()));
      else this.#connected(link);
    });
  }

  #connected(link: Link): void {
    this.#cancelAttempt = undefined;
    this.#link = link;
    this.#backoff.connected(this.#setting.clock.now());
    for (let head = this.#waiting.head(); head !== undefined; head = this.#waiting.head()) {
      this.#waiting.remove(head);
      link.toServer.push(head);
    }
    if (this.#whenFlushed !== undefined) link.toServer.onEmpty(this.#whenFlushed);
    this.#events.emit({ type: 'connected' });
  }

  /** Lets what is queued arrive, over a connection still to be made if need be, until the linger is over. */
  async #finish(lingerMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#setting.clock.after(Math.min(LINGER_MS_MAX, Math.max(0, lingerMs)), resolve);
      this.#whenFlushed = () => {
        cancel();
        resolve();
      };
      if (this.#link !== undefined) this.#link.toServer.onEmpty(this.#whenFlushed);
      else if (this.#waiting.size === 0) this.#whenFlushed();
    });
    this.#cancelAttempt?.();
    this.#link?.end('the worker closed');
  }
}

function givenUp(queue: { describe(): string }): string {
  return `the coordinator does not drain the queue (${queue.describe()} given up)`;
}
