/** Many seeds, one after another: what happened in all of them, and for each that went wrong its whole story. */
import { simulate } from './simulate.js';
import type { SeedResult } from './simulate.js';
import { Tally } from './tally.js';

export interface SeedsResult {
  readonly seeds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly realMs: number;
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
  for (let seed = from; seed < until && wrongSeeds.length < wrongMax; seed += stride) {
    const result = await simulate(seed);
    seeds += 1;
    events += result.events;
    virtualMs += result.virtualMs;
    ends.count(result.end);
    tally.add(result.tally);
    if (result.violations.length === 0) continue;
    wrongSeeds.push(seed);
    if (stories.length < storiesMax) stories.push(tell(await simulate(seed, { isTraced: true })));
  }
  return { seeds, events, virtualMs, realMs: performance.now() - startMs, ends, tally, wrongSeeds, stories };
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

/** The figures of a run of seeds, a line each. */
export function summarise({ seeds, events, virtualMs, realMs, ends, tally, wrongSeeds }: SeedsResult): string {
  const perSeed = (value: number): string => (value / Math.max(1, seeds)).toFixed(1);
  return [
    `${seeds} seeds in ${(realMs / 1000).toFixed(1)} s (${perSeed(realMs)} ms each), ${wrongSeeds.length} went wrong`,
    `${events} events, ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time (${perSeed(virtualMs / 1000)} s each)`,
    'ends:',
    ...ends.lines(),
    'faults and what came of them:',
    ...tally.lines(),
    ...(wrongSeeds.length === 0 ? [] : [`wrong seeds: ${wrongSeeds.join(' ')}`]),
  ].join('\n');
}
