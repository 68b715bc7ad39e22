/** Many seeds, one after another: what happened in all of them, and for each that went wrong its whole story. */
import { simulate } from './simulate.js';
import type { SeedResult } from './simulate.js';
import { Tally } from './tally.js';

export interface SeedsResult {
  readonly seeds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly realMs: number;
  /** The longest time from the end of the faults to the end of the run. */
  readonly slowest: { readonly seed: number; readonly ms: number };
  /** How often runs ended in which way. */
  readonly ends: Tally;
  readonly tally: Tally;
  readonly wrongSeeds: readonly number[];
  readonly stories: readonly string[];
}

export interface SeedRange {
  readonly from: number;
  readonly until: number;
  /** From one seed to the next. */
  readonly stride: number;
  /** Of so many seeds that go wrong the whole story is told: they are long. */
  readonly storiesMax: number;
  /** Ends when so many have gone wrong. */
  readonly wrongMax: number;
}

export async function runSeeds({ from, until, stride, storiesMax, wrongMax }: SeedRange): Promise<SeedsResult> {
  const startMs = performance.now();
  const [ends, tally] = [new Tally(), new Tally()];
  const wrongSeeds: number[] = [];
  const stories: string[] = [];
  let [seeds, events, virtualMs] = [0, 0, 0];
  let slowest = { seed: from, ms: 0 };
  for (let seed = from; seed < until && wrongSeeds.length < wrongMax; seed += stride) {
    const result = await simulate(seed);
    seeds += 1;
    events += result.events;
    virtualMs += result.virtualMs;
    const ms = result.virtualMs - result.options.healMs;
    if (ms > slowest.ms) slowest = { seed, ms };
    ends.count(result.end);
    tally.add(result.tally);
    if (result.violations.length === 0) continue;
    wrongSeeds.push(seed);
    if (stories.length < storiesMax) stories.push(tell(await simulate(seed, { isTraced: true })));
  }
  const realMs = performance.now() - startMs;
  return { seeds, events, virtualMs, realMs, slowest, ends, tally, wrongSeeds, stories };
}

/** Everything there is to know of one seed. */
export function tell({ seed, options, violations, end, events, virtualMs, trace }: SeedResult): string {
  const { faults, ...rest } = options;
  const drawn = Object.entries(rest).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
  return [
    `seed ${seed}: ${end} after ${events} events, ${(virtualMs / 1000).toFixed(1)} s of virtual time`,
    ...violations.map((violation) => `  ${violation}`),
    'drawn:',
    ...drawn,
    ...faults.map(({ atMs, ...fault }) => `  at ${(atMs / 1000).toFixed(4)} s ${JSON.stringify(fault)}`),
    `the last ${trace.length} events:`,
    ...trace,
    `play it again: npm run simulate -- --seed ${seed}`,
  ].join('\n');
}
