/**
 * Messages in a stream of bytes: the number of frames, the length of each (unsigned 32 bits, little-endian), then the
 * frames. No frames at all is a pulse, which only shows that the sender is there.
 *
 * The reader says where the next bytes are wanted, so that the system writes them there: nothing is allocated or
 * copied for a message that is no larger than an earlier one.
 */
import { LockstepError } from '@lockstep/config';
import type { Frames, RoomFor } from '@lockstep/runtime';
import { FRAMES_PER_MESSAGE_MAX } from '../limits.js';

const NUMBER_BYTES = 4;
/** Where frames begin in memory: wide enough for any view, and for the loops that sum what lies there. */
const ALIGNMENT_BYTES = 64;

export const PULSE = new Uint8Array(NUMBER_BYTES);

/** What goes before the frames of a message. */
export function prefixOf(frames: Frames): Uint8Array {
  const prefix = new DataView(new ArrayBuffer(NUMBER_BYTES * (1 + frames.length)));
  prefix.setUint32(0, frames.length, true);
  frames.forEach(({ byteLength }, index) => prefix.setUint32(NUMBER_BYTES * (1 + index), byteLength, true));
  return new Uint8Array(prefix.buffer);
}

export class FrameReader {
  readonly #maxFrameBytes: number;
  readonly #onMessage: (frames: Frames) => void;
  readonly #roomFor: RoomFor;
  readonly #prefix = new Uint8Array(NUMBER_BYTES * (1 + FRAMES_PER_MESSAGE_MAX));
  #memory = new Uint8Array(0);
  #frames: Uint8Array[] = [];
  /** Number of the frame that is being read; before the first: lengths are. */
  #reading = -1;
  /** Of the lengths, or of the frame that is being read. */
  #wantedBytes = NUMBER_BYTES;
  #readBytes = 0;

  /**
   * @param onMessage given frames whose memory is written to again as soon as it returns, but for a last one that was
   * put where `roomFor` said
   */
  constructor(maxFrameBytes: number, onMessage: (frames: Frames) => void, roomFor: RoomFor = () => null) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onMessage = onMessage;
    this.#roomFor = roomFor;
  }

  /** Where the next bytes of the stream are to be put; never empty. */
  room(): Uint8Array {
    const whole = this.#frames[this.#reading] ?? this.#prefix;
    return whole.subarray(this.#readBytes, this.#wantedBytes);
  }

  /**
   * Tells that so many bytes have been put there.
   * @throws LockstepError `protocol` when they begin no message
   */
  filled(count: number): void {
    this.#readBytes += count;
    while (this.#readBytes === this.#wantedBytes) this.#turn();
  }

  /** Takes bytes that lie elsewhere. */
  take(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.byteLength;) {
      const piece = bytes.subarray(start, start + this.room().byteLength);
      this.room().set(piece);
      start += piece.byteLength;
      this.filled(piece.byteLength);
    }
  }

  #turn(): void {
    if (this.#reading >= 0) this.#read(this.#reading + 1);
    else if (this.#wantedBytes > NUMBER_BYTES) this.#begin();
    else this.#count();
  }

  #count(): void {
    const frames = this.#number(0);
    if (frames > FRAMES_PER_MESSAGE_MAX) throw malformed(`a message of ${frames} frames`);
    if (frames === 0) this.#expect(-1, NUMBER_BYTES);
    else this.#wantedBytes = NUMBER_BYTES * (1 + frames);
  }

  /** All lengths are known. */
  #begin(): void {
    const lengths = Array.from({ length: this.#number(0) }, (_, index) => this.#number(1 + index));
    const longest = Math.max(...lengths);
    if (longest > this.#maxFrameBytes) throw malformed(`a frame of ${longest} bytes`);
    const starts: number[] = [];
    let end = 0;
    for (const length of lengths) {
      starts.push(end);
      end = ALIGNMENT_BYTES * Math.ceil((end + length) / ALIGNMENT_BYTES);
    }
    if (this.#memory.byteLength < end) this.#memory = new Uint8Array(end);
    this.#frames = lengths.map((length, index) => {
      const start = starts[index] ?? 0;
      return this.#memory.subarray(start, start + length);
    });
    this.#read(0);
  }

  #read(index: number): void {
    const frame = this.#frames[index];
    if (frame !== undefined) {
      const isLast = index > 0 && index === this.#frames.length - 1;
      const room = isLast ? this.#roomFor(this.#frames.slice(0, index), frame.byteLength) : null;
      if (room?.byteLength === frame.byteLength) this.#frames[index] = room;
      this.#expect(index, frame.byteLength);
      return;
    }
    this.#expect(-1, NUMBER_BYTES);
    this.#onMessage(this.#frames);
  }

  #expect(reading: number, wantedBytes: number): void {
    this.#reading = reading;
    this.#wantedBytes = wantedBytes;
    this.#readBytes = 0;
  }

  #number(index: number): number {
    return new DataView(this.#prefix.buffer).getUint32(NUMBER_BYTES * index, true);
  }
}

function malformed(what: string): LockstepError {
  return new LockstepError('protocol', `received ${what}`, 'check that all sides run the same version of lockstep');
}
