/**
 * A bounded queue of messages for one peer. ZeroMQ has no queue with a byte bound and takes one send at a time, so
 * what does not fit at once waits here.
 */
import type { Frames } from '@lockstep/runtime';

export interface OutboxBounds {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export class Outbox {
  readonly #bounds: OutboxBounds;
  #messages: Frames[] = [];
  #bytes = 0;

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Adds a message; false, and nothing added, when that would pass a bound. A lone message of any size is accepted. */
  push(frames: Frames): boolean {
    const bytes = lengthBytes(frames);
    if (this.#messages.length > 0) {
      if (this.#messages.length >= this.#bounds.messagesMax) return false;
      if (this.#bytes + bytes > this.#bounds.bytesMax) return false;
    }
    this.#messages.push(frames);
    this.#bytes += bytes;
    return true;
  }

  head(): Frames | undefined {
    return this.#messages[0];
  }

  /** Removes the head when it still is `frames`: a queue cleared meanwhile is left alone. */
  remove(frames: Frames): void {
    if (this.#messages[0] !== frames) return;
    this.#messages.shift();
    this.#bytes -= lengthBytes(frames);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }

  /** What the queue holds, for the reason of a `gone` event. */
  describe(): string {
    return `${this.#messages.length} messages, ${(this.#bytes / 1048576).toFixed(1)} MiB`;
  }
}

/** Total payload of a message in bytes. */
function lengthBytes(frames: Frames): number {
  let bytes = 0;
  for (const frame of frames) bytes += frame.byteLength;
  return bytes;
}
