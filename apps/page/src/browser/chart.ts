/** One chart: lines over steps or time, with marks; follows its width and the colours of the page. */
import type UPlot from 'uplot';
import { colour } from './theme.js';

/** The global of uPlot's own script. */
declare const uPlot: typeof UPlot;

export interface ChartLine {
  readonly label: string;
  /** A colour of the style sheet. */
  readonly colour: string;
  readonly width: number;
  /** Goes on where there is nothing between two of its values. */
  readonly isJoined?: boolean;
  readonly hasPoints?: boolean;
  /** Lengths of strokes and gaps: told apart without its colour, and where it covers another one. */
  readonly dash?: readonly number[];
  /** Fills what is between this line, which is not drawn, and the one before it. */
  readonly isBand?: boolean;
}

export interface ChartMark {
  readonly x: number;
  readonly kind: 'fault' | 'checkpoint';
}

export interface ChartOptions {
  readonly host: HTMLElement;
  readonly heightPx: number;
  readonly lines: readonly ChartLine[];
  readonly formatY: (value: number) => string;
  /** Space for the numbers of the left axis. */
  readonly axisPx: number;
  readonly fromZero?: boolean;
  /** Told which point the reader looks at; null for none. */
  readonly onPoint: (index: number | null) => void;
}

export interface XAxis {
  readonly format: (value: number) => string;
  /** That the text of a tick needs. */
  readonly spacePx: number;
  /** Distances between ticks; uPlot's own when not given. */
  readonly ticks?: readonly number[];
}

const FONT = '12px system-ui, sans-serif';
const FAULT_PX = 5;

export class Chart {
  readonly #options: ChartOptions;
  #plot: UPlot | undefined;
  #data: UPlot.AlignedData = [[]];
  #marks: readonly ChartMark[] = [];
  #axis: XAxis;

  constructor(options: ChartOptions, axis: XAxis) {
    this.#options = options;
    this.#axis = axis;
    const { host, heightPx } = options;
    new ResizeObserver(() => this.#plot?.setSize({ width: host.clientWidth, height: heightPx })).observe(host);
    host.addEventListener('keydown', (event) => this.#onKey(event));
    host.addEventListener('blur', () => this.#point(null));
  }

  show(x: readonly number[], lines: readonly (readonly (number | null)[])[], marks: readonly ChartMark[]): void {
    this.#data = [[...x], ...lines.map((line) => [...line])];
    this.#marks = marks;
    if (this.#plot === undefined) this.redraw();
    else this.#plot.setData(this.#data);
  }

  setAxis(axis: XAxis): void {
    this.#axis = axis;
    this.redraw();
  }

  /** Makes it anew, with the colours of now. */
  redraw(): void {
    const { host, heightPx, lines, fromZero } = this.#options;
    this.#plot?.destroy();
    const options: UPlot.Options = {
      width: host.clientWidth,
      height: heightPx,
      padding: [14, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: false }, ...(fromZero === true ? { y: { range: rangeFromZero } } : {}) },
      axes: this.#axes(),
      series: [{}, ...lines.map(toSeries)],
      bands: lines.flatMap((line, index): UPlot.Band[] =>
        line.isBand === true ? [{ series: [index + 1, index], fill: colour(line.colour) }] : [],
      ),
      hooks: {
        drawAxes: [(plot) => this.#drawMarks(plot)],
        setCursor: [({ cursor }) => this.#options.onPoint(cursor.idx ?? null)],
      },
    };
    this.#plot = new uPlot(options, this.#data, host);
  }

  #axes(): UPlot.Axis[] {
    const common = {
      ...{ font: FONT, stroke: colour('muted') },
      grid: { stroke: colour('grid'), width: 1 },
      ticks: { show: false },
    };
    const { format, ticks, spacePx } = this.#axis;
    const { formatY, axisPx } = this.#options;
    return [
      {
        ...common,
        space: spacePx,
        size: 28,
        ...(ticks === undefined ? {} : { incrs: [...ticks] }),
        values: (_, values) => values.map(format),
      },
      { ...common, size: axisPx, values: (_, values) => values.map(formatY) },
    ];
  }

  /** Faults from top to bottom, checkpoints as a tick at the bottom: told apart without their colours, too. */
  #drawMarks(plot: UPlot): void {
    const { ctx, bbox } = plot;
    const pixels = devicePixelRatio;
    ctx.save();
    for (const { x, kind } of this.#marks) {
      const at = Math.round(plot.valToPos(x, 'x', true)) + 0.5;
      if (at < bbox.left || at > bbox.left + bbox.width) continue;
      const isFault = kind === 'fault';
      ctx.strokeStyle = ctx.fillStyle = colour(isFault ? 'fault' : 'checkpoint');
      ctx.lineWidth = (isFault ? 1 : 2) * pixels;
      ctx.setLineDash(isFault ? [4 * pixels, 3 * pixels] : []);
      ctx.beginPath();
      ctx.moveTo(at, isFault ? bbox.top : bbox.top + bbox.height - 10 * pixels);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      if (isFault) triangle(ctx, at, bbox.top, FAULT_PX * pixels);
    }
    ctx.restore();
  }

  #onKey(event: KeyboardEvent): void {
    const last = this.#data[0].length - 1;
    const now = this.#plot?.cursor.idx ?? null;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: now === null ? last : now - (event.shiftKey ? 10 : 1),
      ArrowRight: now === null ? last : now + (event.shiftKey ? 10 : 1),
      Home: 0,
      End: last,
    };
    const index = moves[event.key];
    if (index === undefined || last < 0) return;
    event.preventDefault();
    this.#point(Math.min(last, Math.max(0, index)));
  }

  #point(index: number | null): void {
    const x = index === null ? undefined : this.#data[0][index];
    const left = x === undefined ? -10 : (this.#plot?.valToPos(x, 'x') ?? -10);
    this.#plot?.setCursor({ left, top: x === undefined ? -10 : 1 });
  }
}

function toSeries({ label, colour: name, width, isJoined, hasPoints, isBand, dash }: ChartLine): UPlot.Series {
  const stroke = isBand === true || width === 0 ? 'transparent' : colour(name);
  return {
    ...{ label, stroke, width },
    ...(dash === undefined ? {} : { dash: [...dash] }),
    spanGaps: isJoined === true,
    points: hasPoints === true ? { show: true, size: 7, fill: stroke } : { show: false },
  };
}

function rangeFromZero(_: UPlot, __: number | null, max: number | null): UPlot.Range.MinMax {
  return [0, (max ?? 1) * 1.1];
}

function triangle(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.beginPath();
  context.moveTo(x - size, y - size * 1.4);
  context.lineTo(x + size, y - size * 1.4);
  context.lineTo(x, y);
  context.fill();
}
