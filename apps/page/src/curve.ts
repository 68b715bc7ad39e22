/**
 * The steps of a run as a curve of bounded size. Neighbouring steps share a bucket as soon as there are too many for
 * one each; buckets double in width when they are too many again. What comes out depends on the steps alone, not on
 * the portions in which they came, so that server and browser have the same curve.
 */
import type { StepRow } from './contract.js';

/** A chart has about so many columns; more could not be seen. */
export const BUCKETS_MAX = 1_500;

/** Columns of equal length, a value for each bucket. */
export interface CurveData {
  /** Steps in a bucket: 1 until there were too many, then a power of two. */
  readonly width: number;
  /** Last step of each bucket. */
  readonly step: readonly number[];
  /** Steps in it so far. */
  readonly count: readonly number[];
  /** Mean loss of its steps in nats a character, the lowest and the highest. */
  readonly loss: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Characters of its steps, and the seconds that they took. */
  readonly characters: readonly number[];
  readonly seconds: readonly number[];
}

const COLUMNS = ['step', 'count', 'loss', 'low', 'high', 'characters', 'seconds'] as const;
type Columns = Record<(typeof COLUMNS)[number], number[]>;

/** Enough for the eye, and a third of the bytes. */
const SHOWN_DIGITS = 7;

const rounded = (value: number): number => Number(value.toPrecision(SHOWN_DIGITS));

/** A committed step as it is told to a page. */
export function stepRow(step: {
  readonly step: number;
  readonly loss: number;
  readonly characters: number;
  readonly seconds: number;
}): StepRow {
  return [step.step, rounded(step.loss), step.characters, rounded(step.seconds)];
}

export class Curve {
  #width = 1;
  #columns: Columns = { step: [], count: [], loss: [], low: [], high: [], characters: [], seconds: [] };

  static from(data: CurveData): Curve {
    const curve = new Curve();
    curve.#width = data.width;
    for (const name of COLUMNS) curve.#columns[name] = [...data[name]];
    return curve;
  }

  /** Adds a step; one that is there already is passed over. */
  add([step, loss, characters, seconds]: StepRow): void {
    if (step <= this.lastStep) return;
    const one = { step, count: 1, loss, low: loss, high: loss, characters, seconds };
    const columns = this.#columns;
    const last = columns.step.length - 1;
    if (last >= 0 && this.#bucketOf(step) === this.#bucketOf(this.lastStep)) {
      putAt(columns, last, merged(bucketAt(columns, last), one));
    } else {
      putAt(columns, last + 1, one);
    }
    if (columns.step.length > BUCKETS_MAX) this.#widen();
  }

  get lastStep(): number {
    return this.#columns.step.at(-1) ?? 0;
  }

  get data(): CurveData {
    return { width: this.#width, ...this.#columns };
  }

  /** Rounded, to be sent. */
  toJSON(): CurveData {
    const { loss, seconds } = this.#columns;
    return { ...this.data, loss: loss.map(rounded), seconds: seconds.map(rounded) };
  }

  #bucketOf(step: number): number {
    return Math.floor((step - 1) / this.#width);
  }

  #widen(): void {
    const before = this.#columns;
    this.#columns = { step: [], count: [], loss: [], low: [], high: [], characters: [], seconds: [] };
    this.#width *= 2;
    for (const [index, step] of before.step.entries()) {
      const bucket = bucketAt(before, index);
      const last = this.#columns.step.length - 1;
      if (last >= 0 && this.#bucketOf(step) === this.#bucketOf(this.lastStep)) {
        putAt(this.#columns, last, merged(bucketAt(this.#columns, last), bucket));
      } else {
        putAt(this.#columns, last + 1, bucket);
      }
    }
  }
}

type Bucket = Readonly<Record<keyof Columns, number>>;

function bucketAt(columns: Columns, index: number): Bucket {
  const at = (name: keyof Columns): number => columns[name][index] ?? 0;
  return {
    ...{ step: at('step'), count: at('count'), loss: at('loss'), low: at('low'), high: at('high') },
    ...{ characters: at('characters'), seconds: at('seconds') },
  };
}

function putAt(columns: Columns, index: number, bucket: Bucket): void {
  for (const name of COLUMNS) columns[name][index] = bucket[name];
}

function merged(first: Bucket, second: Bucket): Bucket {
  const count = first.count + second.count;
  return {
    step: second.step,
    count,
    loss: (first.loss * first.count + second.loss * second.count) / count,
    low: Math.min(first.low, second.low),
    high: Math.max(first.high, second.high),
    characters: first.characters + second.characters,
    seconds: first.seconds + second.seconds,
  };
}
