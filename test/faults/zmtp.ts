/**
 * Faults of whole ZeroMQ messages on the line: a rewriter for the TCP proxy that reads ZMTP 3.x frames (no encryption:
 * mechanism NULL) and drops, doubles, holds back, swaps or shortens the messages that a test picks. Greeting and
 * commands pass as they are. What comes out is sound ZMTP: the receiving library notices nothing.
 */
import type { Rewrite } from './lane.js';
import type { Direction, ProxyOptions } from './tcp-proxy.js';

/** Signature, version, mechanism, role and filler; the peers send it in parts. */
const GREETING_BYTES = 64;
const FLAG_MORE = 1;
const FLAG_LONG = 2;
const FLAG_COMMAND = 4;
const SHORT_FRAME_BYTES_MAX = 255;

export interface ZmtpMessage {
  readonly direction: Direction;
  /** Number of the proxied connection. */
  readonly connection: number;
  /** Number of the message in its direction of its connection, from 0. */
  readonly index: number;
  readonly frames: readonly Buffer[];
}

/**
 * pass; drop; duplicate: twice in a row; hold: when `release` is called; swap: after the next message that passes;
 * truncate: the last frame loses its second half.
 */
export type Fate = 'pass' | 'drop' | 'duplicate' | 'hold' | 'swap' | 'truncate';

interface Frame {
  readonly flags: number;
  readonly body: Buffer;
}

export class ZmtpFaults {
  /** How many messages came to each fate. */
  readonly counts: Record<Fate, number> = { pass: 0, drop: 0, duplicate: 0, hold: 0, swap: 0, truncate: 0 };
  readonly #decide: (message: ZmtpMessage) => Fate;
  #held: (() => void)[] = [];

  /** @param decide asked once for every message, in the order in which they come */
  constructor(decide: (message: ZmtpMessage) => Fate) {
    this.#decide = decide;
  }

  /** For the options of the proxy. */
  readonly rewrite: NonNullable<ProxyOptions['rewrite']> = (direction, connection, inject) => {
    const reader = new FrameReader();
    let frames: Buffer[] = [];
    let swapped: Buffer[] = [];
    let index = 0;
    const judge = (message: ZmtpMessage): Buffer[] => {
      const fate = this.#decide(message);
      this.counts[fate] += 1;
      const bytes = encodeMessage(message.frames);
      switch (fate) {
        case 'pass':
          return [bytes, ...swapped.splice(0)];
        case 'drop':
          return [];
        case 'duplicate':
          return [bytes, bytes, ...swapped.splice(0)];
        case 'truncate':
          return [encodeMessage(truncated(message.frames)), ...swapped.splice(0)];
        case 'hold':
          this.#held.push(() => inject(bytes));
          return [];
        case 'swap':
          swapped = [...swapped, bytes];
          return [];
      }
    };
    const take = ({ flags, body }: Frame): Buffer[] => {
      if ((flags & FLAG_COMMAND) !== 0) return [encodeFrame(flags, body)];
      frames.push(body);
      if ((flags & FLAG_MORE) !== 0) return [];
      const message = { direction, connection, index, frames };
      frames = [];
      index += 1;
      return judge(message);
    };
    const rewrite: Rewrite = (bytes) => {
      const greeting = reader.takeGreeting(bytes);
      return [greeting, ...reader.read(bytes.subarray(greeting.length)).flatMap(take)];
    };
    return rewrite;
  };

  /** Lets go of what is held, in the order in which it came; gives the number of messages. */
  release(): number {
    const held = this.#held;
    this.#held = [];
    for (const send of held) send();
    return held.length;
  }
}

/** Cuts a stream into frames, whatever pieces it comes in. */
class FrameReader {
  #greetingBytes = 0;
  #pieces: Buffer[] = [];
  #pendingBytes = 0;

  /** The part of these bytes that still belongs to the greeting. */
  takeGreeting(bytes: Buffer): Buffer {
    const greeting = bytes.subarray(0, GREETING_BYTES - this.#greetingBytes);
    this.#greetingBytes += greeting.length;
    return greeting;
  }

  /** All frames that are whole now. */
  read(bytes: Buffer): Frame[] {
    this.#pieces.push(bytes);
    this.#pendingBytes += bytes.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    const head = this.#peek(1 + BigUint64Array.BYTES_PER_ELEMENT);
    const flags = head[0];
    if (flags === undefined) return undefined;
    const isLong = (flags & FLAG_LONG) !== 0;
    const headBytes = 1 + (isLong ? BigUint64Array.BYTES_PER_ELEMENT : 1);
    if (head.length < headBytes) return undefined;
    const bodyBytes = isLong ? Number(head.readBigUInt64BE(1)) : head.readUInt8(1);
    if (this.#pendingBytes < headBytes + bodyBytes) return undefined;
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all.subarray(headBytes + bodyBytes)];
    this.#pendingBytes -= headBytes + bodyBytes;
    return { flags, body: all.subarray(headBytes, headBytes + bodyBytes) };
  }

  /** The first bytes that are pending, at most so many; joins as few pieces as that takes. */
  #peek(lengthBytes: number): Buffer {
    while (this.#pieces.length > 1 && (this.#pieces[0]?.length ?? 0) < lengthBytes) {
      this.#pieces.unshift(Buffer.concat(this.#pieces.splice(0, 2)));
    }
    return this.#pieces[0]?.subarray(0, lengthBytes) ?? Buffer.alloc(0);
  }
}

function encodeFrame(flags: number, body: Buffer): Buffer {
  const isLong = body.length > SHORT_FRAME_BYTES_MAX;
  const head = Buffer.alloc(1 + (isLong ? BigUint64Array.BYTES_PER_ELEMENT : 1));
  head.writeUInt8(isLong ? flags | FLAG_LONG : flags & ~FLAG_LONG, 0);
  if (isLong) head.writeBigUInt64BE(BigInt(body.length), 1);
  else head.writeUInt8(body.length, 1);
  return Buffer.concat([head, body]);
}

function encodeMessage(frames: readonly Buffer[]): Buffer {
  const last = frames.length - 1;
  return Buffer.concat(frames.map((body, index) => encodeFrame(index < last ? FLAG_MORE : 0, body)));
}

function truncated(frames: readonly Buffer[]): readonly Buffer[] {
  const last = frames.at(-1) ?? Buffer.alloc(0);
  return [...frames.slice(0, -1), last.subarray(0, last.length >>> 1)];
}
