/**
 * Interleaved rounds: each round lets every contestant measure once, in turn, so that whatever else the machine does
 * meets all of them alike. The order turns by one place every round, so that none always follows the same one.
 */
import { Contestant } from './contestant.js';
import type { ContestantPlan, Ready } from './contestant.js';
import type { Row } from './results.js';

/** A contestant to be, or why there is none. */
export type Entry =
  { readonly plan: ContestantPlan; readonly missing?: undefined } | { readonly name: string; readonly missing: string };

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
  const started: { readonly contestant?: Contestant; readonly name: string; readonly missing: string }[] = [];
  try {
    for (const entry of entries) {
      if (entry.missing !== undefined) {
        started.push({ name: entry.name, missing: entry.missing });
        continue;
      }
      const { name } = entry.plan;
      say(`${name}: starting`);
      try {
        started.push({ name, missing: '', contestant: await Contestant.start(entry.plan) });
      } catch (error) {
        started.push({ name, missing: error instanceof Error ? error.message : String(error) });
      }
    }
    const alive = started.flatMap(({ contestant }) => contestant ?? []);
    say(`${rounds} rounds of ${alive.map(({ name }) => name).join(', ')}`);
    const values = await interleave(alive, rounds);
    return started.map(({ contestant, name, missing }) => {
      if (contestant === undefined) return { row: missingRow(name, missing), losses: [] };
      return {
        row: rowOf(name, contestant.ready, values[alive.indexOf(contestant)] ?? []),
        losses: contestant.ready.losses,
      };
    });
  } finally {
    await Promise.all(started.map(({ contestant }) => contestant?.close()));
  }
}

function rowOf(contestant: string, { version, facts }: Ready, values: readonly number[]): Row {
  return { contestant, version, values, missing: null, facts };
}

function missingRow(contestant: string, missing: string): Row {
  return { contestant, version: '', values: [], missing, facts: {} };
}
