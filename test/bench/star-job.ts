/** What all processes of an all-reduce by star know: the job, and the values that travel. */

export interface StarJob {
  readonly role: 'coordinator' | 'worker';
  readonly workers: number;
  /** float32 values in a gradient. */
  readonly values: number;
  /** All-reduces in one measurement. */
  readonly repeats: number;
  readonly endpoint: string;
  /** Index of a worker. */
  readonly worker: number;
}

export const ENVELOPE = { run: 'bench', term: 1, membership: 0 } as const;

const PERIOD = 97;

/** The gradient of one worker: whole numbers, so that sums are exact and a mean can be checked without a tolerance. */
export function readyMade(worker: number, values: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: values }, (_, index) => (index % PERIOD) * (worker + 1));
}

/** One value of the mean over workers 0 to `workers - 1`, rounded as the division is. */
export function meanOf(index: number, workers: number): number {
  return Math.fround(((index % PERIOD) * workers * (workers + 1)) / 2 / workers);
}
