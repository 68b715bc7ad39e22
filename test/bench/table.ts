/** A suite's figures for people: rows of cells, which a terminal table and a Markdown table both take. */
import Table from 'cli-table3';
import { compare } from './compare.js';
import type { Compared } from './compare.js';
import type { Case, SuiteResult } from './results.js';

const HEAD = ['contestant', 'median', 'quartiles', 'range', 'lockstep / it', 'by round'];

/** @returns the head, then one row for each contestant */
export function caseRows(one: Case): string[][] {
  return [HEAD, ...compare(one).map(cells)];
}

function cells({ row, summary, ratio, isLockstep }: Compared): string[] {
  const name = row.version === '' ? row.contestant : `${row.contestant} (${row.version})`;
  if (summary === undefined) return [name, `missing: ${row.missing ?? 'no figures'}`, '', '', '', ''];
  const { median, lowerQuartile, upperQuartile, min, max } = summary;
  return [
    isLockstep ? `${name} *` : name,
    figure(median),
    `${figure(lowerQuartile)} - ${figure(upperQuartile)}`,
    `${figure(min)} - ${figure(max)}`,
    ratio === undefined ? '' : ratio.ofMedians.toFixed(2),
    ratio === undefined ? '' : `${ratio.byRound.min.toFixed(2)} - ${ratio.byRound.max.toFixed(2)}`,
  ];
}

/** Three digits that matter, or all of a whole number. */
export function figure(value: number): string {
  if (value >= 1000) return value.toLocaleString('en', { maximumFractionDigits: 0 });
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function suiteText(result: SuiteResult): string {
  const { title, cases, checks, machine, rounds, threads } = result;
  const lines = ['', `${title}: ${rounds} interleaved rounds, ${threads} threads each`];
  if (machine.isBusy) lines.push(busyLine(result));
  for (const one of cases) {
    const table = new Table({ style: { head: [], border: [] } });
    table.push(...caseRows(one));
    lines.push('', `${one.title}, ${one.unit} (* speaks for lockstep)`, table.toString());
  }
  lines.push(...checks.map(({ what, ok, detail }) => `${ok ? 'ok  ' : 'FAIL'} ${what}: ${detail}`));
  return lines.join('\n');
}

export function busyLine({ machine: { loadAtStart, calibrationSpread } }: SuiteResult): string {
  const spread = (100 * calibrationSpread).toFixed(0);
  return `DRAFT: the machine was busy (load ${loadAtStart.toFixed(1)} at the start, a fixed loop varied by ${spread} %)`;
}
