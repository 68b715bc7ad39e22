/** The child's end of contestant.ts, for programs of our own. */
import { createInterface } from 'node:readline';
import type { Ready } from '../contestant.js';

const say = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

/** Says that it is warm, then answers every line with one measurement until there are no more. */
export async function serve(ready: Ready, measure: () => number | Promise<number>): Promise<void> {
  say({ ready });
  for await (const _line of createInterface({ input: process.stdin })) say({ value: await measure() });
}

/** Mean time of `repeats` calls in a row. */
export function milliseconds(work: () => void, repeats: number): number {
  const startMs = performance.now();
  for (let count = 0; count < repeats; count += 1) work();
  return (performance.now() - startMs) / repeats;
}
