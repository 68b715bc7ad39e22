/** The shape of one metric of the catalogue, and the types that follow from a catalogue of them. */

/** Values that a label can have: these and no others, the slot of a worker, or a word that is known at start only. */
export type LabelValues = readonly string[] | 'slot' | 'text';

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Base unit, in the plural, or what is counted; `1` for plain numbers. */
  readonly unit: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** One sentence that says how to read it. */
  readonly help: string;
  /** Whose endpoint has it. What a worker says of itself the coordinator says of all. */
  readonly on: readonly ('coordinator' | 'worker')[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[];
}

export type Catalogue = Readonly<Record<string, Metric>>;

type ValueOf<V extends LabelValues> = V extends readonly (infer W extends string)[]
  ? W
  : V extends 'slot'
    ? number
    : string;

/** Labels of a metric with the values that they take; a worker is named by its slot. */
export type LabelsOf<M extends Metric> = { readonly [K in keyof M['labels']]: ValueOf<M['labels'][K]> };

/** Names of the metrics of a type. */
export type NamesOf<C extends Catalogue, T extends Metric['type']> = {
  [K in keyof C & string]: C[K]['type'] extends T ? K : never;
}[keyof C & string];
