/** From the curve of a run to the lines of its charts, and what follows from them: pace and time left. */
import type { ValidationPoint } from './contract.js';
import type { CurveData } from './curve.js';

/** So many of a curve's points are averaged for its smooth line: the eye can follow, and the curve keeps its shape. */
const SMOOTH_SHARE = 1 / 40;
const SMOOTH_POINTS_MIN = 20;
/** Steps over which the pace of now is taken. */
const PACE_STEPS = 20;

type Line = readonly (number | null)[];

export interface LossLines {
  readonly low: Line;
  readonly high: Line;
  readonly mean: Line;
  readonly smooth: Line;
  readonly validation: Line;
}

/** Seconds that the steps up to the end of each bucket took, all together. */
export function secondsSoFar({ seconds }: Pick<CurveData, 'seconds'>): number[] {
  let sum = 0;
  return seconds.map((one) => (sum += one));
}

export function lossLines(curve: CurveData, validation: readonly ValidationPoint[]): LossLines {
  const { loss, low, high } = curve;
  return { low, high, mean: loss, smooth: smoothLoss(curve), validation: placed(validation, curve) };
}

/** The training loss alone, for a chart of several runs. */
export function smoothLoss({ loss, count }: CurveData): Line {
  return smoothed(loss, count);
}

/** Lines over points of their own, laid over the points of all of them; null where a line has no value. */
export function joinedLines(lines: readonly { readonly x: readonly number[]; readonly y: Line }[]): {
  readonly x: readonly number[];
  readonly lines: readonly Line[];
} {
  const x = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const joined = lines.map((line) => {
    const values = new Map(line.x.map((at, index) => [at, line.y[index] ?? null]));
    return x.map((at) => values.get(at) ?? null);
  });
  return { x, lines: joined };
}

/** Characters a second, over so many steps that single ones do not matter. */
export function rateLine({ characters, seconds, width }: CurveData): Line {
  const over = Math.max(1, Math.ceil(PACE_STEPS / width));
  return characters.map((_, index) => {
    const from = Math.max(0, index + 1 - over);
    const time = sum(seconds.slice(from, index + 1));
    return time === 0 ? null : sum(characters.slice(from, index + 1)) / time;
  });
}

/** Seconds that a step takes now; null before there is one. */
export function pace({ seconds, count }: CurveData): number | null {
  let [steps, time] = [0, 0];
  for (let index = count.length - 1; index >= 0 && steps < PACE_STEPS; index -= 1) {
    steps += count[index] ?? 0;
    time += seconds[index] ?? 0;
  }
  return steps === 0 ? null : time / steps;
}

/** Characters a second of the latest steps; null before there are any. */
export function latestRate(curve: CurveData): number | null {
  return rateLine(curve).at(-1) ?? null;
}

/** The bucket that a step is in, or the first after it; -1 when there is none. */
export function bucketOf(step: number, { step: last }: Pick<CurveData, 'step'>): number {
  let [from, to] = [0, last.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((last[middle] ?? 0) < step) from = middle + 1;
    else to = middle;
  }
  return from === last.length ? -1 : from;
}

/** Mean over the neighbours on both sides, fewer at the ends. */
function smoothed(values: readonly number[], weights: readonly number[]): Line {
  if (values.length < SMOOTH_POINTS_MIN) return values;
  const reach = Math.max(1, Math.round((values.length * SMOOTH_SHARE) / 2));
  // Sums from the start on: each mean is then two differences.
  const [sums, counts] = [[0], [0]];
  for (const [index, value] of values.entries()) {
    const weight = weights[index] ?? 0;
    sums.push((sums[index] ?? 0) + value * weight);
    counts.push((counts[index] ?? 0) + weight);
  }
  return values.map((_, index) => {
    // As far on one side as on the other, so that a slope is not bent at its ends.
    const near = Math.min(reach, index, values.length - 1 - index);
    const [from, to] = [index - near, index + near + 1];
    return ((sums[to] ?? 0) - (sums[from] ?? 0)) / ((counts[to] ?? 0) - (counts[from] ?? 0));
  });
}

/** Each point in the bucket of its step. */
function placed(points: readonly ValidationPoint[], curve: CurveData): Line {
  const line: (number | null)[] = curve.step.map(() => null);
  for (const { step, loss } of points) {
    const index = bucketOf(step, curve);
    if (index >= 0) line[index] = loss;
  }
  return line;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
