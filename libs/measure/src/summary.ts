/**
 * A few numbers in place of many. Times of a machine that does other things too have a long tail to one side, so the
 * middle is the median and the spread is told by quartiles and extremes, never by a standard deviation.
 */
import { invariant } from '@lockstep/config';

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
  readonly min: number;
  readonly max: number;
}

/** @param values at least one, in any order and unit */
export function summarise(values: readonly number[]): Summary {
  invariant(values.length > 0 && values.every(Number.isFinite), `no summary of ${values.length} values`);
  // The two zeros are equal and not the same: as one of them the order cannot show.
  const sorted = values.map((value) => value + 0).sort((a, b) => a - b);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    lowerQuartile: quantile(sorted, 0.25),
    upperQuartile: quantile(sorted, 0.75),
    min: sorted[0],
    max: sorted[sorted.length - 1],
  };
}

/** Linear between the two neighbours, as numpy, R (type 7) and spreadsheets do. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const [low, high] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
  return low + (high - low) * (place - below);
}

export interface Ratio {
  /** Median of the one over median of the other. */
  readonly ofMedians: number;
  /** Of the ratios round by round: both values of a round were taken one right after the other. */
  readonly byRound: Summary;
}

/** How one series compares with another taken in the same rounds; rounds that only one of them has do not count. */
export function ratioOf(subject: readonly number[], against: readonly number[]): Ratio {
  const rounds = Math.min(subject.length, against.length);
  invariant(rounds > 0, 'a ratio needs a round of both');
  return {
    ofMedians: summarise(subject.slice(0, rounds)).median / summarise(against.slice(0, rounds)).median,
    byRound: summarise(Array.from({ length: rounds }, (_, round) => subject[round] / against[round])),
  };
}
