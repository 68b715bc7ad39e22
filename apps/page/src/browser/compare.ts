/** Several runs over each other: read once, for they do not change while one looks. */
import type { ComparedRun, Comparison } from '../contract.js';
import { joinedLines, secondsSoFar, smoothLoss } from '../series.js';
import { countText, lossText } from '../words.js';
import { STEP_AXIS, TIME_AXIS } from './axes.js';
import { Chart } from './chart.js';
import { find, make, row, setRows, setText } from './dom.js';
import { followTheme } from './theme.js';

const HEIGHT_PX = 380;
const DASHES = [[], [10, 6], [3, 4], [14, 4, 3, 4]];

export async function startCompare(): Promise<void> {
  const { runs, differences } = (await (await fetch('compare.json')).json()) as Comparison;
  setText(find('run-line'), runs.map(({ name }) => name).join(', '));
  const shown = { byTime: false };
  const chart = new Chart(
    {
      ...{ host: find('loss-chart'), heightPx: HEIGHT_PX, axisPx: 52, formatY: (value: number) => value.toFixed(2) },
      lines: runs.map(({ name }, index) => ({
        ...{ label: name, colour: `run-${index}`, width: 2, isJoined: true },
        dash: DASHES[index % DASHES.length] ?? [],
      })),
      onPoint: (index) => readOut(runs, shown.byTime, index),
    },
    STEP_AXIS,
  );
  const show = (): void => {
    const { x, lines } = linesOf(runs, shown.byTime);
    chart.show(x, lines, []);
    readOut(runs, shown.byTime, null);
  };
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="axis"]')) {
    input.addEventListener('change', () => {
      shown.byTime = input.value === 'time';
      chart.setAxis(shown.byTime ? TIME_AXIS : STEP_AXIS);
      show();
    });
  }
  showLegend(runs);
  showFigures(runs);
  showDifferences(runs, differences);
  show();
  followTheme(() => chart.redraw());
}

function linesOf(runs: readonly ComparedRun[], byTime: boolean): ReturnType<typeof joinedLines> {
  return joinedLines(runs.map(({ curve }) => ({ x: byTime ? secondsSoFar(curve) : curve.step, y: smoothLoss(curve) })));
}

function readOut(runs: readonly ComparedRun[], byTime: boolean, index: number | null): void {
  const { x, lines } = linesOf(runs, byTime);
  const at = index === null ? undefined : x[index];
  if (at === undefined) return setText(find('loss-readout'), 'point at the chart, or use the arrow keys, for values');
  const values = lines.map((line, place) => {
    const value = line[index ?? 0] ?? null;
    return `${runs[place]?.name ?? ''} ${value === null ? '–' : lossText(value)}`;
  });
  const where = byTime ? TIME_AXIS.format(at) : `step ${countText(at)}`;
  setText(find('loss-readout'), [where, ...values].join('  ·  '));
}

function showLegend(runs: readonly ComparedRun[]): void {
  const items = runs.map(({ name }, index) => make('li', {}, key(index), name));
  find('legend').replaceChildren(...items);
  const width = Math.max(...runs.map(({ curve }) => curve.width));
  const thinned = width === 1 ? '' : ` Long runs are thinned: a point is the mean of up to ${width} steps.`;
  setText(
    find('thinned'),
    `Lines are smoothed.${thinned} By time counts the time of steps, not the pauses between them.`,
  );
}

function key(index: number): HTMLElement {
  const element = make('span', { class: 'key key-run', 'aria-hidden': 'true' });
  element.style.background = `var(--run-${index})`;
  return element;
}

function showFigures(runs: readonly ComparedRun[]): void {
  const lossOrNone = (loss: number | null): string => (loss === null ? '–' : lossText(loss));
  const rows = runs.map((run, index) =>
    row(
      make('span', { class: 'named' }, key(index), run.name),
      ...[run.state, countText(run.steps), lossOrNone(run.lastLoss), lossOrNone(run.bestLoss)],
      lossOrNone(run.validationLoss),
      run.charactersPerSecond === null ? '–' : countText(run.charactersPerSecond),
      weightsCell(run, runs[0] ?? run),
    ),
  );
  setRows(find('figures'), rows);
}

function weightsCell({ bits, weightsSha256 }: ComparedRun, first: ComparedRun): HTMLElement {
  const digest = weightsSha256 === null ? '–' : weightsSha256.slice(0, 12);
  const cell = make('span', {}, make('code', { title: weightsSha256 ?? undefined }, digest));
  const differsAt = bits?.differsAt ?? null;
  if (differsAt !== null) cell.append(`, other bits from step ${countText(differsAt)} on`);
  else if (bits?.sameWeights === true) cell.append(`, the same as ${first.name}`);
  else if (bits !== null && bits.sameUntil > 0) cell.append(`, the same bits up to step ${countText(bits.sameUntil)}`);
  return cell;
}

function showDifferences(runs: readonly ComparedRun[], differences: Comparison['differences']): void {
  const table = find('differences');
  if (differences.length === 0) {
    table.replaceWith(make('p', { class: 'empty' }, 'All runs have the same configuration.'));
    return;
  }
  const heads = ['setting', ...runs.map(({ name }) => name)].map((name) => make('th', { scope: 'col' }, name));
  table.querySelector('thead')?.replaceChildren(make('tr', {}, ...heads));
  setRows(
    table,
    differences.map(({ name, values }) => row(name, ...values)),
  );
}
