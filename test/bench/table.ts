/** A suite's figures for people: rows of cells, which a terminal table and a Markdown table both take. */
import Table from 'cli-table3';
import { compare } from './compare.js';
import type { Compared } from './compare.js';
import type { Case, SuiteResult } from './results.js';

const HEAD = ['contestant', 'median', 'quartiles', 'range', 'lockstep / it', 'by round'];

/** Columns of a case whose rows do not compete: no ratios. */
const PLAIN_COLUMNS = 4;

/** @returns the head, then one row for each contestant */
export function caseRows(one: Case): string[][] {
  const rows = [HEAD, ...compare(one).map(cells)];
  return one.isRace ? rows : rows.map((row) => row.slice(0, PLAIN_COLUMNS));
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
    ratio === undefined ? '' : ratioText(ratio.ofMedians),
    ratio === undefined ? '' : `${ratioText(ratio.byRound.min)} - ${ratioText(ratio.byRound.max)}`,
  ];
}

export function ratioText(ratio: number): string {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
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
    lines.push('', `${one.title}, ${one.unit}${one.isRace ? ' (* speaks for lockstep)' : ''}`, table.toString());
  }
  lines.push(...checks.map(({ what, ok, detail }) => `${ok ? 'ok  ' : 'FAIL'} ${what}: ${detail}`));
  return lines.join('\n');
}

export function busyLine({ machine: { loadAtStart, calibrationSpread } }: SuiteResult): string {
  const spread = (100 * calibrationSpread).toFixed(0);
  const load = loadAtStart.toFixed(1);
  return `DRAFT: the machine was busy (load ${load} at the start, a fixed loop varied by ${spread} %)`;
}
