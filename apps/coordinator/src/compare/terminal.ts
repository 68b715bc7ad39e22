/** A comparison on the terminal: the curves as characters, then what can be said in numbers. */
import type { ComparedRun, Comparison, CurveData } from '@lockstep/page';
import { plot } from 'simple-ascii-chart';
import type { Color, Point, Settings } from 'simple-ascii-chart';
import { formatCount, formatLoss } from '../views/format.js';
import { printable } from '../views/printable.js';
import { renderTable } from '../views/table.js';

const COLOURS: Color[] = [
  ...(['ansiBlue', 'ansiYellow', 'ansiGreen', 'ansiMagenta'] as const),
  ...(['ansiCyan', 'ansiRed', 'ansiWhite', 'ansiBlack'] as const),
];
const LETTERS = 'abcdefgh';
const CHART_ROWS = 16;
const CHART_COLUMNS_MAX = 100;
const AXIS_COLUMNS = 8;
const TICKS = 6;

export interface TerminalFacts {
  readonly columns: number;
  /** Whether colours tell curves apart; letters do otherwise. */
  readonly hasColour: boolean;
}

export function comparisonText({ runs, differences }: Comparison, terminal: TerminalFacts): string {
  const differing =
    differences.length === 0
      ? 'All runs have the same configuration.'
      : renderTable([
          ['setting', ...runs.map(({ name }) => printable(name))],
          ...differences.map(({ name, values }) => [name, ...values.map(printable)]),
        ]);
  return [chart(runs, terminal), figures(runs), differing].filter((part) => part !== '').join('\n\n');
}

/** The loss by step; nothing where no run has made two steps. */
function chart(runs: readonly ComparedRun[], { columns, hasColour }: TerminalFacts): string {
  const width = Math.max(20, Math.min(columns, CHART_COLUMNS_MAX) - AXIS_COLUMNS);
  const lines = runs.map(({ curve }) => points(curve, width)).filter((line) => line.length > 1);
  if (lines.length < runs.length || lines.length === 0) return '';
  const last = Math.max(...lines.map((line) => line.at(-1)?.[0] ?? 0));
  const drawn = plot(lines, {
    ...{ width, height: CHART_ROWS, title: 'training loss, nats a character, by step' },
    customXAxisTicks: ticks(last),
    formatter: (value, { axis }) => (axis === 'y' ? value.toFixed(2) : formatCount(value)),
    ...(hasColour ? coloured(runs) : { lineFormatter: lettered(lines) }),
  });
  return drawn
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n')
    .concat(hasColour ? '' : `\n${runs.map(({ name }, index) => `${LETTERS[index]} ${printable(name)}`).join('   ')}`);
}

function coloured(runs: readonly ComparedRun[]): Settings {
  const series = runs.map(({ name }) => printable(name));
  return { color: COLOURS.slice(0, runs.length), legend: { position: 'bottom', series } };
}

/** A letter for each run; where lines meet the first one's is seen. */
function lettered(lines: readonly (readonly Point[])[]): NonNullable<Settings['lineFormatter']> {
  const letters = new Map<string, string>();
  for (const [index, line] of [...lines.entries()].reverse()) {
    for (const [x, y] of line) letters.set(`${x} ${y}`, LETTERS[index] ?? '?');
  }
  return ({ x, y, plotX, plotY }) => ({ x: plotX, y: plotY, symbol: letters.get(`${x} ${y}`) ?? '?' });
}

/** As many as there are columns, each the mean of its neighbours. */
function points({ step, loss, count }: CurveData, columns: number): Point[] {
  const apart = Math.max(1, Math.ceil(step.length / columns));
  const means: Point[] = [];
  for (let from = 0; from < step.length; from += apart) {
    const [losses, counts] = [loss.slice(from, from + apart), count.slice(from, from + apart)];
    const steps = counts.reduce((sum, one) => sum + one, 0);
    const sum = losses.reduce((total, one, index) => total + one * (counts[index] ?? 0), 0);
    means.push([step[Math.min(step.length, from + apart) - 1] ?? 0, sum / steps]);
  }
  return means;
}

/** Round numbers up to the last step. */
function ticks(last: number): number[] {
  const rough = last / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  return Array.from({ length: Math.floor(last / apart) + 1 }, (_, index) => Math.round(index * apart));
}

function figures(runs: readonly ComparedRun[]): string {
  const head = ['run', 'state', 'steps', 'last loss', 'best loss', 'validation', 'characters/s', 'weights'];
  const rows = runs.map((run) => [
    ...[printable(run.name), run.state, formatCount(run.steps)],
    ...[run.lastLoss, run.bestLoss, run.validationLoss].map((loss) => (loss === null ? '-' : formatLoss(loss))),
    run.charactersPerSecond === null ? '-' : formatCount(run.charactersPerSecond),
    weightsText(run, runs[0] ?? run),
  ]);
  return `${renderTable([head, ...rows])}\nlast and best loss are means of 20 steps`;
}

function weightsText({ bits, weightsSha256 }: ComparedRun, first: ComparedRun): string {
  const digest = weightsSha256 === null ? '-' : weightsSha256.slice(0, 12);
  if (bits === null) return digest;
  if (bits.differsAt !== null) return `${digest}, other bits from step ${formatCount(bits.differsAt)} on`;
  if (bits.sameWeights === true) return `${digest}, the same as ${printable(first.name)}`;
  return bits.sameUntil === 0 ? digest : `${digest}, the same bits up to step ${formatCount(bits.sameUntil)}`;
}
