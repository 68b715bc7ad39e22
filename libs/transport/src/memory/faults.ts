/**
 * What the in-memory network does to a message, drawn from a seeded stream. Every message takes the same number of
 * draws whatever the faults are, so that switching one on moves no other.
 */
import type { RandomStream } from '@lockstep/data';

export interface MemoryFaults {
  /** Probability that a message vanishes silently. No real connection does that; it is the harder test. */
  readonly loss?: number;
  /** Probability that a message arrives twice in a row. */
  readonly duplicate?: number;
  /** Probability that a message breaks its connection instead of arriving; both ends are told, as over TCP. */
  readonly breakage?: number;
  /** Shortest and longest time on the way, uniform between them. Messages of one direction keep their order. */
  readonly delayMs?: readonly [number, number];
}

export interface Fate {
  readonly kind: 'arrives' | 'lost' | 'breaks';
  readonly copies: 1 | 2;
  readonly delayMs: number;
}

export function drawFate(random: RandomStream, faults: MemoryFaults): Fate {
  const isLost = random.uniform() < (faults.loss ?? 0);
  const isDoubled = random.uniform() < (faults.duplicate ?? 0);
  const isBreaking = random.uniform() < (faults.breakage ?? 0);
  const [minMs, maxMs] = faults.delayMs ?? [0, 0];
  const delayMs = minMs + random.uniform() * (maxMs - minMs);
  return { kind: isBreaking ? 'breaks' : isLost ? 'lost' : 'arrives', copies: isDoubled ? 2 : 1, delayMs };
}
