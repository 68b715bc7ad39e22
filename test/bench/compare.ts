/** The contestants of a case beside the one that speaks for lockstep: its engine with the best median. */
import { ratioOf, summarise } from '@lockstep/measure';
import type { Ratio, Summary } from '@lockstep/measure';
import type { Case, Row } from './results.js';

export interface Compared {
  readonly row: Row;
  readonly summary: Summary | undefined;
  /** Lockstep's figure over this one's; none for lockstep itself. */
  readonly ratio: Ratio | undefined;
  readonly isLockstep: boolean;
}

/** The row that speaks for lockstep, if any has figures. */
export function lockstepRow({ rows, better }: Case): Row | undefined {
  const sign = better === 'less' ? 1 : -1;
  const own = rows.filter(({ contestant, values }) => contestant.startsWith('lockstep') && values.length > 0);
  const medians = own.map((row) => ({ row, median: sign * summarise(row.values).median }));
  return medians.sort((a, b) => a.median - b.median)[0]?.row;
}

export function compare(one: Case): Compared[] {
  const lockstep = lockstepRow(one);
  return one.rows.map((row) => {
    const isLockstep = row === lockstep;
    const hasFigures = row.values.length > 0;
    return {
      row,
      summary: hasFigures ? summarise(row.values) : undefined,
      ratio: hasFigures && lockstep !== undefined && !isLockstep ? ratioOf(lockstep.values, row.values) : undefined,
      isLockstep,
    };
  });
}
