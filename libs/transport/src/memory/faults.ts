/**
 * What the in-memory network does to a message, drawn from a seeded stream. Every message takes the same number of
 * draws whatever the faults are, so that switching one on moves no other.
 */
import type { RandomStream } from '@lockstep/data';
import type { Frames } from '@lockstep/runtime';

export interface MemoryFaults {
  /** Probability that a message vanishes silently. No real connection does that; it is the harder test. */
  readonly loss?: number;
  /** Probability that a message arrives twice in a row. */
  readonly duplicate?: number;
  /** Probability that a message breaks its connection instead of arriving; both ends are told, as over TCP. */
  readonly breakage?: number;
  /**
   * Probability that a message is held up on the way for another delay, while later ones pass it. No real connection
   * does that either.
   */
  readonly reorder?: number;
  /** Probability that one bit of a message is another one when it arrives. */
  readonly corruption?: number;
  /** Shortest and longest time on the way, uniform between them. Messages of one direction keep their order. */
  readonly delayMs?: readonly [number, number];
}

/** How often each fault has hit a message. */
export interface MemoryFaultCounts {
  lost: number;
  doubled: number;
  broken: number;
  reordered: number;
  corrupted: number;
}

export interface Fate {
  readonly kind: 'arrives' | 'lost' | 'breaks';
  readonly copies: 1 | 2;
  readonly delayMs: number;
  /** Time for which later messages pass this one; 0 for none. */
  readonly heldUpMs: number;
  /** Names the bit that flips, modulo the length of the message; null for none. */
  readonly flippedBit: number | null;
}

/** Below this a message that is held up would seldom be passed. */
const HELD_UP_MS_MIN = 5;

export function drawFate(random: RandomStream, faults: MemoryFaults): Fate {
  const isLost = random.uniform() < (faults.loss ?? 0);
  const isDoubled = random.uniform() < (faults.duplicate ?? 0);
  const isBreaking = random.uniform() < (faults.breakage ?? 0);
  const isHeldUp = random.uniform() < (faults.reorder ?? 0);
  const isCorrupted = random.uniform() < (faults.corruption ?? 0);
  const [minMs, maxMs] = faults.delayMs ?? [0, 0];
  const delayMs = minMs + random.uniform() * (maxMs - minMs);
  const heldUpMs = random.uniform() * Math.max(HELD_UP_MS_MIN, maxMs);
  const bit = random.uint32();
  return {
    kind: isBreaking ? 'breaks' : isLost ? 'lost' : 'arrives',
    copies: isDoubled ? 2 : 1,
    delayMs,
    heldUpMs: isHeldUp ? heldUpMs : 0,
    flippedBit: isCorrupted ? bit : null,
  };
}

/** The message with one bit flipped, in memory of its own; a message without a byte stays as it is. */
export function flipBit(frames: Frames, bit: number): Frames {
  const lengthBits = 8 * frames.reduce((sum, frame) => sum + frame.byteLength, 0);
  let position = lengthBits === 0 ? 0 : bit % lengthBits;
  return frames.map((frame) => {
    const isHere = position >= 0 && position < 8 * frame.byteLength;
    const flipped = isHere ? Uint8Array.from(frame) : frame;
    if (isHere) flipped[position >> 3] = (flipped[position >> 3] ?? 0) ^ (1 << (position & 7));
    position = isHere ? -1 : position - 8 * frame.byteLength;
    return flipped;
  });
}

/** Notes what was drawn for a message that was sent. */
export function countFate(counts: MemoryFaultCounts, fate: Fate): void {
  if (fate.kind === 'breaks') counts.broken += 1;
  else if (fate.kind === 'lost') counts.lost += 1;
  else {
    if (fate.copies === 2) counts.doubled += 1;
    if (fate.heldUpMs > 0) counts.reordered += 1;
    if (fate.flippedBit !== null) counts.corrupted += 1;
  }
}
