/** The contestants of a case beside the one that speaks for lockstep: its engine with the best median. */
import { ratioOf, summarise } from '@lockstep/measure';
import type { Ratio, Summary } from '@lockstep/measure';
import type { Case, Row } from './results.js';

export interface Compared {
  readonly row: Row;
  readonly summary: Summary | undefined;
  /** Lockstep's figure over this one's; none for lockstep itself, nor where rows do not compete. */
  readonly ratio: Ratio | undefined;
  readonly isLockstep: boolean;
}

/** The best median among rows of a kind that have figures. */
export function bestRow({ rows, better }: Case, isOfKind: (row: Row) => boolean): Row | undefined {
  const sign = better === 'less' ? 1 : -1;
  const candidates = rows.filter((row) => row.values.length > 0 && isOfKind(row));
  const medians = candidates.map((row) => ({ row, median: sign * summarise(row.values).median }));
  return medians.sort((a, b) => a.median - b.median)[0]?.row;
}

export function compare(one: Case): Compared[] {
  const lockstep = one.isRace ? bestRow(one, ({ contestant }) => contestant.startsWith('lockstep')) : undefined;
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
