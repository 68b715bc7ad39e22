/**
 * One direction of one proxied connection. Bytes wait in a queue that a single loop works off: it holds them, delays
 * them, lets them trickle, flips bits in them or throws them away, and never changes their order.
 */
import type { RandomStream } from '@lockstep/data';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What happens to every byte that passes. Nothing given: it passes. */
export interface LaneFaults {
  /** Bytes are taken and never arrive, as if the line were dead. What is lost so stays lost. */
  readonly swallow?: boolean;
  /** Nothing is read, nothing is passed on, nothing is closed; afterwards everything arrives. */
  readonly hold?: boolean;
  /** Shortest and longest time on the way, drawn for every piece; the order stays. */
  readonly delayMs?: readonly [number, number];
  readonly bytesPerSecond?: number;
  /** Probability for each byte that one of its bits is flipped. */
  readonly flipProbability?: number;
}

/** What was done, in exact numbers. */
export interface LaneCounts {
  /** Handed to the other side. */
  passedBytes: number;
  swallowedBytes: number;
  flippedBits: number;
  delayedPieces: number;
}

/** Sees the bytes of one direction before any fault does, and may put others in their place. */
export type Rewrite = (bytes: Buffer) => readonly Buffer[];

/** More waits in the sender's own buffers. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;
/** A throttled lane passes something this often. */
const TRICKLE_MS = 10;

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export class Lane {
  readonly counts: LaneCounts = { passedBytes: 0, swallowedBytes: 0, flippedBits: 0, delayedPieces: 0 };
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #random: RandomStream;
  readonly #rewrite: Rewrite;
  readonly #queue: Piece[] = [];
  readonly #flipOffsets = new Set<number>();
  #faults: LaneFaults = {};
  #queuedBytes = 0;
  #inOffset = 0;
  #lastDueMs = 0;
  #hasEnded = false;
  #hasLostEnd = false;
  #isClosed = false;
  #cut: { remainingBytes: number; readonly done: () => void } | undefined;
  #wake: () => void = () => undefined;

  /** @param rewrite bytes in, bytes out; the identity for a lane that does not know what it carries */
  constructor(source: Socket, sink: Socket, random: RandomStream, rewrite: Rewrite = (bytes) => [bytes]) {
    this.#source = source;
    this.#sink = sink;
    this.#random = random;
    this.#rewrite = rewrite;
    source.on('data', (bytes) => this.#take(bytes));
    source.on('end', () => {
      this.#hasEnded = true;
      this.#wake();
    });
    void this.#run();
  }

  /** Whether something that the source did never reached the other side, so that the two disagree for ever. */
  get hasLost(): boolean {
    return this.counts.swallowedBytes > 0 || this.#hasLostEnd;
  }

  get faults(): LaneFaults {
    return this.#faults;
  }

  set faults(faults: LaneFaults) {
    this.#faults = faults;
    this.#throttleSource();
    this.#wake();
  }

  /** Offset in the direction's stream of the byte that comes next. */
  get inOffset(): number {
    return this.#inOffset;
  }

  /** Flips one bit of the byte at this offset of the direction's stream, when it comes. */
  flipAt(offset: number): void {
    this.#flipOffsets.add(offset);
  }

  /** Passes so many more bytes, then nothing any more. Resolves when they are with the kernel, or at the end. */
  cutAfter(remainingBytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { remainingBytes, done: resolve };
      this.#wake();
    });
  }

  /** Puts bytes into the stream that did not come from the source. */
  inject(bytes: Buffer): void {
    this.#enqueue(bytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #take(bytes: Buffer): void {
    if (this.#faults.swallow === true) this.counts.swallowedBytes += bytes.length;
    else for (const piece of this.#rewrite(bytes)) this.#enqueue(this.#flip(piece));
  }

  #enqueue(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { delayMs } = this.#faults;
    let dueMs = this.#lastDueMs;
    if (delayMs !== undefined) {
      const [minMs, maxMs] = delayMs;
      dueMs = Math.max(dueMs, performance.now() + minMs + this.#random.uniform() * (maxMs - minMs));
      this.counts.delayedPieces += 1;
    }
    this.#lastDueMs = dueMs;
    this.#queue.push({ bytes, dueMs });
    this.#queuedBytes += bytes.length;
    this.#throttleSource();
    this.#wake();
  }

  /** A copy with the bits flipped that are due; offsets count what comes in here. */
  #flip(bytes: Buffer): Buffer {
    const start = this.#inOffset;
    this.#inOffset += bytes.length;
    const { flipProbability = 0 } = this.#faults;
    const due = [...this.#flipOffsets].filter((offset) => offset >= start && offset < this.#inOffset);
    if (flipProbability === 0 && due.length === 0) return bytes;
    const flipped = Buffer.from(bytes);
    const flipBit = (index: number, bit: number): void => {
      flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
      this.counts.flippedBits += 1;
    };
    for (const offset of due) {
      this.#flipOffsets.delete(offset);
      flipBit(offset - start, 0);
    }
    for (let index = 0; flipProbability > 0 && index < flipped.length; index += 1) {
      if (this.#random.uniform() < flipProbability) flipBit(index, Math.floor(this.#random.uniform() * 8));
    }
    return flipped;
  }

  /** Reads no more than there is room for; what is not read fills the sender's buffers, as on a real line. */
  #throttleSource(): void {
    const isFull = this.#queuedBytes > QUEUED_BYTES_MAX || this.#faults.hold === true;
    if (isFull) this.#source.pause();
    else this.#source.resume();
  }

  async #run(): Promise<void> {
    await this.#passAll();
    this.#cut?.done();
  }

  async #passAll(): Promise<void> {
    while (!this.#isClosed && !this.#sink.destroyed && this.#cut?.remainingBytes !== 0) {
      const piece = this.#queue[0];
      if (this.#faults.hold === true || (piece === undefined && !this.#hasEnded)) await this.#change();
      else if (piece === undefined) return this.#end();
      else if (piece.dueMs > performance.now()) await this.#change(piece.dueMs - performance.now());
      else await this.#pass(piece);
    }
  }

  async #pass(piece: Piece): Promise<void> {
    const { bytesPerSecond } = this.#faults;
    const pace =
      bytesPerSecond === undefined ? Infinity : Math.max(1, Math.floor((bytesPerSecond * TRICKLE_MS) / 1000));
    const length = Math.min(piece.bytes.length, pace, this.#cut?.remainingBytes ?? Infinity);
    this.#queue.shift();
    if (length < piece.bytes.length) this.#queue.unshift({ ...piece, bytes: piece.bytes.subarray(length) });
    this.#queuedBytes -= length;
    if (this.#cut !== undefined) this.#cut.remainingBytes -= length;
    // Counted before anybody can have seen it: who waits for the bytes may look at the number.
    this.counts.passedBytes += length;
    await new Promise<void>((resolve) => this.#sink.write(piece.bytes.subarray(0, length), () => resolve()));
    this.#throttleSource();
    if (pace < Infinity) await delay(TRICKLE_MS);
  }

  /** The source broke off. Gives whether the other side may know; a dead or held line tells it nothing. */
  passesBreak(): boolean {
    const isSilent = this.#faults.swallow === true || this.#faults.hold === true;
    this.#hasLostEnd ||= isSilent;
    return !isSilent;
  }

  /** A dead line passes no end on either. */
  #end(): void {
    if (this.#faults.swallow === true) this.#hasLostEnd = true;
    else this.#sink.end();
  }

  /** Waits until something may have changed. */
  async #change(limitMs?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (limitMs !== undefined) timer = setTimeout(resolve, limitMs);
    });
    clearTimeout(timer);
  }
}
