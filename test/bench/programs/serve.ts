/** The child's end of contestant.ts, for programs of our own. */
import { createInterface } from 'node:readline';
import type { Ready } from '../contestant.js';

const say = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

/** One measurement, and what else was seen during it. */
export interface Measurement {
  readonly value: number;
  readonly figures?: Readonly<Record<string, number>>;
}

type Measured = number | Measurement;

/** Says that it is warm, then answers every line with one measurement until there are no more. */
export async function serve(ready: Ready, measure: () => Measured | Promise<Measured>): Promise<void> {
  say({ ready });
  for await (const _line of createInterface({ input: process.stdin })) {
    const measured = await measure();
    say(typeof measured === 'number' ? { value: measured } : measured);
  }
}

/** Mean time of `repeats` calls in a row. */
export function milliseconds(work: () => void, repeats: number): number {
  const startMs = performance.now();
  for (let count = 0; count < repeats; count += 1) work();
  return (performance.now() - startMs) / repeats;
}
