/** Loss and speed over steps or time, each as a chart, as a sentence and as a table. */
import type { Entry, PageState } from '../contract.js';
import { bucketOf, latestRate, lossLines, rateLine, secondsSoFar } from '../series.js';
import { countText, durationText, lossText } from '../words.js';
import { STEP_AXIS, TIME_AXIS } from './axes.js';
import { Chart } from './chart.js';
import type { ChartMark } from './chart.js';
import { find, make, row, setRows, setText } from './dom.js';

const LOSS_PX = 300;
const RATE_PX = 170;
const TABLE_ROWS = 25;

export class Curves {
  readonly #loss: Chart;
  readonly #rate: Chart;
  readonly #table = find('curve-table') as HTMLDetailsElement;
  #state: PageState | undefined;
  #byTime = false;

  constructor() {
    this.#loss = new Chart(
      {
        ...{ host: find('loss-chart'), heightPx: LOSS_PX, axisPx: 52, formatY: (value: number) => value.toFixed(2) },
        lines: [
          { label: 'lowest', colour: 'band', width: 0 },
          { label: 'highest', colour: 'band', width: 0, isBand: true },
          { label: 'train', colour: 'train-pale', width: 1 },
          { label: 'train, smooth', colour: 'train', width: 2 },
          { label: 'validation', colour: 'validation', width: 2, isJoined: true, hasPoints: true },
        ],
        onPoint: (index) => this.#readLoss(index),
      },
      STEP_AXIS,
    );
    this.#rate = new Chart(
      {
        ...{ host: find('rate-chart'), heightPx: RATE_PX, axisPx: 52, formatY: shortCount, fromZero: true },
        lines: [{ label: 'characters a second', colour: 'rate', width: 2 }],
        onPoint: (index) => this.#readRate(index),
      },
      STEP_AXIS,
    );
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name="axis"]')) {
      input.addEventListener('change', () => this.#setAxis(input.value === 'time'));
    }
    this.#table.addEventListener('toggle', () => this.#showTable());
  }

  show(state: PageState): void {
    this.#state = state;
    const { curve, validation, marks } = state;
    const x = this.#x(state);
    const placed = marks.flatMap((mark) => this.#place(mark, state, x));
    const { low, high, mean, smooth, validation: points } = lossLines(curve, validation);
    this.#loss.show(x, [low, high, mean, smooth, points], placed);
    this.#rate.show(x, [rateLine(curve)], placed);
    setText(find('thinned'), thinnedText(curve.width));
    find('loss-chart').setAttribute('aria-label', summary(state));
    this.#readLoss(null);
    this.#readRate(null);
    this.#showTable();
  }

  redraw(): void {
    this.#loss.redraw();
    this.#rate.redraw();
  }

  #setAxis(byTime: boolean): void {
    this.#byTime = byTime;
    for (const chart of [this.#loss, this.#rate]) chart.setAxis(byTime ? TIME_AXIS : STEP_AXIS);
    if (this.#state !== undefined) this.show(this.#state);
  }

  #x({ curve }: PageState): readonly number[] {
    return this.#byTime ? secondsSoFar(curve) : curve.step;
  }

  #place({ kind, step }: Entry, { curve }: PageState, x: readonly number[]): readonly ChartMark[] {
    if (kind !== 'fault' && kind !== 'checkpoint') return [];
    const index = bucketOf(step, curve);
    const at = this.#byTime ? x[index] : step;
    return at === undefined ? [] : [{ x: at, kind }];
  }

  /** What is at a point, or at the end where the reader points at nothing. */
  #readLoss(index: number | null): void {
    if (this.#state === undefined) return;
    const { curve, validation } = this.#state;
    const at = index ?? curve.step.length - 1;
    const step = curve.step[at];
    if (step === undefined) return setText(find('loss-readout'), 'no step yet');
    const { validation: points } = lossLines(curve, validation);
    const held = points[at];
    const time = durationText(secondsSoFar(curve)[at] ?? 0);
    const parts = [`step ${countText(step)}`, `after ${time}`, `train ${lossText(curve.loss[at] ?? 0)}`];
    if (held !== null && held !== undefined) parts.push(`validation ${lossText(held)}`);
    setText(find('loss-readout'), parts.join('  ·  '));
  }

  #readRate(index: number | null): void {
    if (this.#state === undefined) return;
    const { curve } = this.#state;
    const at = index ?? curve.step.length - 1;
    const rate = rateLine(curve)[at] ?? null;
    const step = countText(curve.step[at] ?? 0);
    setText(find('rate-readout'), rate === null ? 'no step yet' : `step ${step}  ·  ${countText(rate)} characters/s`);
  }

  #showTable(): void {
    if (!this.#table.open || this.#state === undefined) return;
    const { curve, validation } = this.#state;
    const times = secondsSoFar(curve);
    const rates = rateLine(curve);
    const { validation: points } = lossLines(curve, validation);
    const apart = Math.max(1, Math.ceil(curve.step.length / TABLE_ROWS));
    const rows = curve.step.flatMap((step, index) => {
      const isShown = (curve.step.length - 1 - index) % apart === 0 || points[index] !== null;
      if (!isShown) return [];
      const held = points[index] ?? null;
      const [time, loss, rate] = [times[index] ?? 0, curve.loss[index] ?? 0, rates[index] ?? 0];
      const cells = [durationText(time), lossText(loss), held === null ? '–' : lossText(held), countText(rate)];
      return row(countText(step), ...cells);
    });
    setRows(this.#table, rows.length > 0 ? rows : [make('tr', {}, make('td', { colspan: '5' }, 'no step yet'))]);
  }
}

/** For who does not see the chart. */
function summary({ curve, validation, marks }: PageState): string {
  const [first, last] = [curve.loss[0], curve.loss.at(-1)];
  if (first === undefined || last === undefined) return 'Loss: no step yet.';
  const faults = marks.filter(({ kind }) => kind === 'fault').length;
  const held = validation.at(-1);
  const heldText = held === undefined ? '' : ` Validation loss ${lossText(held.loss)} after step ${held.step}.`;
  return (
    `Training loss from ${lossText(first)} to ${lossText(last)} nats a character in ` +
    `${countText(curve.step.at(-1) ?? 0)} steps, at ${countText(latestRate(curve) ?? 0)} characters a second; ` +
    `${faults} faults marked.${heldText} Arrow keys read single points.`
  );
}

function thinnedText(width: number): string {
  return width === 1
    ? 'Each point is one step.'
    : `Thinned: each point is the mean of ${width} steps, the band from their lowest to their highest.`;
}

/** 12345 -> `12 k` */
function shortCount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(2)} M`;
  return value >= 1e4 ? `${Math.round(value / 1e3)} k` : countText(value);
}
