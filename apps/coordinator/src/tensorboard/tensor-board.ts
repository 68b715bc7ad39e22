/**
 * Writes a run for TensorBoard: one event file for each life of the coordinator. The files have every step of the
 * journal once. What an earlier life did not come to write, what a slow disk held up, and the steps of a run that is
 * only now written for TensorBoard are taken from the journal, in which a step is before anybody hears of it. The run
 * never waits for any of this, and never ends by it.
 */
import type { StepLine } from '@lockstep/checkpoint';
import { mkdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppendFile } from '../record/append-file.js';
import type { RunEvent } from '../train/events.js';
import { RunTotals } from '../train/run-totals.js';
import { eventFiles, lastSteps, nextEventFile } from './board-folder.js';
import { scalarsEvent, sessionStartEvent, textEvent, versionEvent } from './event-message.js';
import { tfRecord } from './tf-record.js';

type EventOf<T extends RunEvent['event']> = Extract<RunEvent, { event: T }>;

const LOSS = 'loss/train';
const CONFIG = 'config';
/** Files are looked at by TensorBoard every few seconds. */
const GATHER_MS = 1_000;
const QUEUE_BYTES_MAX = 4_000_000;
/** Events that wait while steps are taken from the journal; more are taken from there in another round. */
const HELD_MAX = 10_000;
/** Steps from the journal that are written together: a few milliseconds of work at a time. */
const STEPS_TOGETHER = 500;
const AGAIN_MS = 5_000;
const CLOSE_DEADLINE_MS = 5_000;

export interface TensorBoardOptions {
  /** Of this run alone; made if missing. */
  readonly folder: string;
  /** Steps in the journal now. */
  readonly committed: () => number;
  /** All of them, from the journal on the disk. */
  readonly readSteps: () => Promise<readonly StepLine[]>;
  /** Tells the user, once, that the files cannot be written. */
  readonly warn: (text: string) => void;
}

export class TensorBoard {
  readonly #options: TensorBoardOptions;
  readonly #ready = new Set<number>();
  #file: AppendFile | undefined;
  /** Whether an earlier life has written it; it comes before the first step. */
  #hasConfig = false;
  /** The step that is written next. */
  #next = 1;
  /** Held back while steps are taken from the journal; null when live ones are written as they come. */
  #held: RunEvent[] | null = [];
  #timer: NodeJS.Timeout | undefined;
  #catchingUp: Promise<void> = Promise.resolve();
  #hasWarned = false;
  #isClosed = false;

  constructor(options: TensorBoardOptions) {
    this.#options = options;
  }

  /** Goes on after what earlier lives have written. Events may be added already. */
  begin(): void {
    this.#catchingUp = this.#begin().catch((thrown: unknown) => {
      this.#isClosed = true;
      this.#warn(thrown instanceof Error ? thrown.message : String(thrown));
    });
  }

  /** Takes an event of the run. */
  add(event: RunEvent): void {
    if (this.#isClosed) return;
    if (event.event === 'worker') this.#worker(event);
    else if (this.#held === null) this.#write(event);
    else if (isShown(event) && this.#held.length < HELD_MAX) this.#held.push(event);
  }

  /** Writes what waits, in a last attempt, for which a disk that hangs gets a few seconds. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.race([this.#finish(), delay(CLOSE_DEADLINE_MS, undefined, { ref: false })]);
  }

  async #finish(): Promise<void> {
    await this.#catchingUp;
    if (this.#held !== null && this.#file !== undefined) await this.#catchUp().catch(() => undefined);
    await this.#file?.close();
  }

  async #begin(): Promise<void> {
    const { folder } = this.#options;
    const committed = this.#options.committed();
    await mkdir(folder, { recursive: true });
    const files = await eventFiles(folder);
    // No later than the journal: what it does not know has not happened.
    const written = await lastSteps(folder, files, LOSS);
    this.#next = Math.min(written.get(LOSS) ?? 0, committed) + 1;
    this.#hasConfig = written.has(LOSS) || written.has(CONFIG);
    this.#file = new AppendFile(join(folder, nextEventFile(files, Date.now())), {
      queueBytesMax: QUEUE_BYTES_MAX,
      gatherMs: GATHER_MS,
      mend: cutOff,
      onTrouble: ({ message }) => this.#warn(message),
    });
    const wallSeconds = Date.now() / 1000;
    this.#push(versionEvent(wallSeconds));
    this.#push(sessionStartEvent({ wallSeconds, step: this.#next }));
    await this.#catchUp();
  }

  /** Writes the steps that are in the journal only, then what was held back meanwhile. */
  async #catchUp(): Promise<void> {
    const held = (this.#held ??= []);
    const heard = held.find((event) => event.event === 'step')?.step ?? this.#options.committed() + 1;
    if (heard > this.#next && !(await this.#writeMissing())) return this.#catchUpLater();
    this.#held = null;
    for (const event of held) this.#write(event);
  }

  #catchUpLater(): void {
    this.#held ??= [];
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#catchingUp = this.#catchUp().catch(({ message }: Error) => {
        this.#warn(message);
        this.#catchUpLater();
      });
    }, AGAIN_MS);
    this.#timer.unref();
  }

  /** Returns false when the disk does not take them. */
  async #writeMissing(): Promise<boolean> {
    const steps = await this.#options.readSteps();
    const times = wallTimes(steps, Date.now() / 1000);
    const totals = new RunTotals();
    let together = 0;
    for (const [index, line] of steps.entries()) {
      totals.count(line);
      if (line.step < this.#next) continue;
      const time = { wallSeconds: times[index] ?? 0, step: line.step };
      if (!this.#push(scalarsEvent(time, stepScalars(line, totals.recentRate)))) return false;
      this.#next = line.step + 1;
      together += 1;
      if (together % STEPS_TOGETHER === 0 && !(await this.#file?.flush())) return false;
    }
    return true;
  }

  #worker({ worker, status }: EventOf<'worker'>): void {
    if (status === 'ready') this.#ready.add(worker);
    else this.#ready.delete(worker);
  }

  #write(event: RunEvent): void {
    const time = { wallSeconds: Date.now() / 1000, step: this.#options.committed() };
    switch (event.event) {
      case 'start':
        if (!this.#hasConfig) this.#push(textEvent({ ...time, step: 0 }, CONFIG, configText(event), CONFIG_HELP));
        return;
      case 'step':
        return this.#step(event);
      case 'validation':
        this.#push(scalarsEvent({ ...time, step: event.step }, [{ tag: 'loss/validation', value: event.loss }]));
        return;
      case 'sample':
        this.#push(textEvent(time, 'sample', verbatim(event.prime + event.text), SAMPLE_HELP));
        return;
      default:
        return;
    }
  }

  #step(event: EventOf<'step'>): void {
    if (event.step < this.#next) return;
    const time = { wallSeconds: Date.now() / 1000, step: event.step };
    const scalars = [...stepScalars(event, event.charactersPerSecond), { tag: 'workers', value: this.#ready.size }];
    if (event.step === this.#next && this.#push(scalarsEvent(time, scalars))) this.#next += 1;
    else this.#catchUpLater();
  }

  #push(data: Uint8Array): boolean {
    return this.#file?.push(tfRecord(data)) ?? false;
  }

  #warn(reason: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.warn(`cannot write for TensorBoard in ${this.#options.folder}: ${reason}; the run goes on without`);
  }
}

const CONFIG_HELP = 'All that decides the result of the run, and where it is.';
const SAMPLE_HELP = 'A text that the model wrote, after the beginning of its text.';

function isShown({ event }: RunEvent): boolean {
  return event === 'start' || event === 'step' || event === 'validation' || event === 'sample';
}

function stepScalars(
  { loss, gradientNorm, seconds }: Pick<StepLine, 'loss' | 'gradientNorm' | 'seconds'>,
  charactersPerSecond: number,
): { readonly tag: string; readonly value: number }[] {
  return [
    { tag: LOSS, value: loss },
    { tag: 'rate/characters_per_second', value: charactersPerSecond },
    { tag: 'gradient_norm', value: gradientNorm },
    { tag: 'step_seconds', value: seconds },
  ];
}

/** The journal does not say when a step was committed: as if the last had been now, and none had waited. */
function wallTimes(steps: readonly StepLine[], nowSeconds: number): Float64Array {
  const times = new Float64Array(steps.length);
  let time = nowSeconds;
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    times[index] = time;
    time -= steps[index]?.seconds ?? 0;
  }
  return times;
}

/** Markdown that shows a text as it is. */
function verbatim(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

function configText({ runId, runDirectory, preset, engine, parameters, config }: EventOf<'start'>): string {
  return verbatim(JSON.stringify({ runId, runDirectory, preset, computes: engine, parameters, config }, null, 2));
}

/** Readers stop at a record that is torn: it has to go before others can follow. */
async function cutOff(file: FileHandle, wholeBytes: number): Promise<void> {
  await file.truncate(wholeBytes);
}
