/**
 * Interleaved rounds: each round lets every contestant measure once, in turn, so that whatever else the machine does
 * meets all of them alike. The order turns by one place every round, so that none always follows the same one.
 */
import { Contestant } from './contestant.js';
import type { ContestantPlan, Ready } from './contestant.js';
import type { Row } from './results.js';

/** A contestant to be, as one child process or in any other way, or why there is none. */
export type Entry =
  | { readonly plan: ContestantPlan }
  | { readonly name: string; readonly open: () => Promise<Live> }
  | { readonly name: string; readonly missing: string };

/** One that has been started. */
export interface Live extends Turn {
  readonly ready: Ready;
  close(): Promise<void>;
}

export interface Measured {
  readonly row: Row;
  readonly losses: readonly number[];
}

/** Something that measures once when it is asked. */
export interface Turn {
  round(): Promise<number>;
}

/** @returns one list of values for each of `turns` */
export async function interleave(turns: readonly Turn[], rounds: number): Promise<number[][]> {
  const values = turns.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let place = 0; place < turns.length; place += 1) {
      const index = (place + round) % turns.length;
      const turn = turns[index];
      const list = values[index];
      if (turn !== undefined) list?.push(await turn.round());
    }
  }
  return values;
}

/**
 * Starts all contestants one after the other, measures, and ends them. One that does not start is a row that says
 * why; one that ends in the middle stops the case, for its rounds would not compare.
 */
export async function compete(
  entries: readonly Entry[],
  rounds: number,
  say: (line: string) => void,
): Promise<Measured[]> {
  const started: Started[] = [];
  try {
    for (const entry of entries) started.push(await start(entry, say));
    const alive = started.flatMap(({ live }) => live ?? []);
    const names = started.flatMap(({ name, live }) => (live === undefined ? [] : [name]));
    say(`${rounds} rounds of ${names.join(', ')}`);
    const values = await interleave(alive, rounds);
    return started.map(({ live, name, missing }) => {
      if (live === undefined) return { row: missingRow(name, missing), losses: [] };
      return { row: rowOf(name, live.ready, values[alive.indexOf(live)] ?? []), losses: live.ready.losses };
    });
  } finally {
    await Promise.all(started.flatMap(({ live }) => (live === undefined ? [] : [live.close()])));
  }
}

interface Started {
  readonly name: string;
  readonly live?: Live;
  readonly missing: string;
}

async function start(entry: Entry, say: (line: string) => void): Promise<Started> {
  if ('missing' in entry) return entry;
  const name = 'plan' in entry ? entry.plan.name : entry.name;
  say(`${name}: starting`);
  try {
    const live = 'plan' in entry ? await Contestant.start(entry.plan) : await entry.open();
    return { name, live, missing: '' };
  } catch (error) {
    return { name, missing: error instanceof Error ? error.message : String(error) };
  }
}

function rowOf(contestant: string, { version, facts }: Ready, values: readonly number[]): Row {
  return { contestant, version, values, missing: null, facts };
}

function missingRow(contestant: string, missing: string): Row {
  return { contestant, version: '', values: [], missing, facts: {} };
}
