/**
 * A progress bar with one line for each worker below it, on a terminal. Everything else is printed above the bar
 * through its own log, so that the two never mix; lines longer than the terminal are cut by it.
 */
import { MultiBar, Presets } from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import type { RunEvent, RunView } from '../train/events.js';
import { eventLines } from './event-lines.js';
import { formatCount, formatLoss, formatSeconds } from './format.js';
import { sampleLines, startLines, summaryLines, workerLine } from './messages.js';
import { printable } from './printable.js';

const BAR_FORMAT = '{bar} step {value}/{total}  epoch {epoch}  loss {loss}  {rate} characters/s  {left}';
const NARROW_BAR_FORMAT = '{value}/{total}  loss {loss}  {rate}/s  {left}';
const WORKER_FORMAT = 'worker {worker}  {text}';
const REFRESH_PER_SECOND = 8;
/** Narrow terminals get a shorter bar, or none, so that the numbers stay in sight. */
const BAR_LENGTH_MAX = 28;
const COLUMNS_FOR_NUMBERS = 78;
const BAR_LENGTH_MIN = 4;
const COLUMNS_WHEN_UNKNOWN = 80;

interface WorkerLine {
  readonly bar: SingleBar;
  shards: string;
}

export class TerminalView implements RunView {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars: MultiBar;
  readonly #workers = new Map<number, WorkerLine>();
  #progress: SingleBar | undefined;
  #totalSteps = 0;
  #closed = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    const room = this.#columns - COLUMNS_FOR_NUMBERS;
    this.#bars = new MultiBar(
      {
        stream,
        format: room < BAR_LENGTH_MIN ? NARROW_BAR_FORMAT : BAR_FORMAT,
        barsize: Math.max(BAR_LENGTH_MIN, Math.min(BAR_LENGTH_MAX, room)),
        fps: REFRESH_PER_SECOND,
        hideCursor: true,
        linewrap: false,
        emptyOnZero: true,
        forceRedraw: true,
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
  }

  show(event: RunEvent): void {
    switch (event.event) {
      case 'start':
        this.#totalSteps = event.totalSteps;
        this.#log(startLines(event));
        this.#progress = this.#bars.create(event.totalSteps, 0, { epoch: 1, loss: '-', rate: '-', left: 'starting' });
        return;
      case 'worker':
        this.#workerLine(event.worker).bar.update(0, { text: `${event.status} ${printable(event.detail)}` });
        if (event.status === 'gone') this.#log([workerLine(event)]);
        return;
      case 'assigned':
        for (const [worker, shards] of event.shards) this.#workerLine(worker).shards = shards.join(', ');
        return;
      case 'answered': {
        const line = this.#workerLine(event.worker);
        line.bar.update(0, { text: `shard ${line.shards}  ${event.computeSeconds.toFixed(2)} s a shard` });
        return;
      }
      case 'step':
        this.#step(event);
        return;
      case 'checkpoint':
        if (event.step > 0) this.#log([`checkpoint ${event.path}`]);
        return;
      case 'sample':
        if (!event.isLast) return;
        this.close();
        this.#log(sampleLines(event));
        return;
      case 'summary':
        this.close();
        this.#log(summaryLines(event));
        return;
      case 'failure':
        this.close();
        this.#log(eventLines(event));
        return;
      default:
        this.#log(eventLines(event));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#bars.update();
    this.#bars.stop();
  }

  #step(event: Extract<RunEvent, { event: 'step' }>): void {
    const done = event.step;
    const rate = event.charactersPerSecond;
    const left = rate === 0 ? '' : `${formatSeconds(((this.#totalSteps - done) * event.characters) / rate)} left`;
    this.#progress?.update(done, {
      epoch: event.epoch + 1,
      loss: formatLoss(event.loss),
      rate: formatCount(rate),
      left,
    });
  }

  #workerLine(worker: number): WorkerLine {
    const known = this.#workers.get(worker);
    if (known !== undefined) return known;
    const line = { bar: this.#bars.create(1, 0, { worker, text: '' }, { format: WORKER_FORMAT }), shards: '' };
    this.#workers.set(worker, line);
    return line;
  }

  #log(lines: readonly string[]): void {
    if (lines.length === 0) return;
    if (this.#closed || this.#progress === undefined) this.#stream.write(`${lines.join('\n')}\n`);
    else for (const line of lines) this.#bars.log(`${wrap(line, this.#columns).join('\n')}\n`);
  }

  get #columns(): number {
    return this.#stream.columns || COLUMNS_WHEN_UNKNOWN;
  }
}

/** While bars are shown the terminal cuts lines instead of wrapping them, so that each bar keeps its line. */
function wrap(line: string, columns: number): readonly string[] {
  const characters = [...line];
  const parts: string[] = [];
  for (let start = 0; start < characters.length; start += columns) {
    // Padded, because a bar may have stood where this line is written.
    parts.push(
      characters
        .slice(start, start + columns)
        .join('')
        .padEnd(columns),
    );
  }
  return parts;
}
