/**
 * The child's end of contestant.ts, for programs of our own. Whoever loads this ends when its input does, in the
 * middle of a warm-up too: a benchmark that was killed leaves no process behind, nor do those that one of these starts.
 */
import { createInterface } from 'node:readline';
import type { Ready } from '../contestant.js';

/** One measurement, and what else was seen during it. */
interface Measurement {
  readonly value: number;
  readonly figures?: Readonly<Record<string, number>>;
}

type Measured = number | Measurement;

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit());

const say = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

/** Says that it is warm, then answers every line with one measurement. */
export function serve(ready: Ready, measure: () => Measured | Promise<Measured>): void {
  const answer = async (): Promise<void> => {
    const measured = await measure();
    say(typeof measured === 'number' ? { value: measured } : measured);
  };
  // One line is answered before the next is sent.
  input.on('line', () => {
    answer().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    });
  });
  say({ ready });
}

/** Mean time of `repeats` calls in a row. */
export function milliseconds(work: () => void, repeats: number): number {
  const startMs = performance.now();
  for (let count = 0; count < repeats; count += 1) work();
  return (performance.now() - startMs) / repeats;
}
