/**
 * Mixed faults on a real run. The same plan is run twice in one invocation: once in peace, which gives the bytes and
 * the speed to compare with, and once with a fault every few seconds.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KINDS, wreak } from './havoc.js';
import type { Strike } from './havoc.js';
import { readOptions } from './options.js';
import type { ChaosOptions } from './options.js';
import { signal } from './processes.js';
import { compare, isKept, rate, readOutcome, table } from './report.js';
import type { Outcome } from './report.js';
import { Training } from './training.js';
import type { Commit } from './training.js';

const CALIBRATION_COMMITS = 40;
const CALIBRATION_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 60_000;
/** A run with faults that takes so many times as long as planned, and these minutes, will not end any more. */
const PATIENCE = 3;
const PATIENCE_MINUTES = 5;
const MS_PER_MINUTE = 60_000;
const LOOK_AGAIN_MS = 100;

/** More than any chaos takes: what is measured here is not when a run gives up. */
const BUDGETS = ['--max-faults', '--max-preemptions', '--max-coordinator-restarts'].flatMap((name) => [name, '1000']);

type Say = (line: string) => void;

class Stage {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #text: string;

  constructor(options: ChaosOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#text = join(folder, 'text.txt');
    const words = ['lock', 'step', 'shard', 'worker', 'batch', 'epoch', 'tensor', 'gradient', 'sum', 'tree'];
    const line = (i: number): string => `${words[i % 10]} ${words[(i * 3 + 1) % 10]} ${words[(i * 7 + 2) % 10]}.`;
    writeFileSync(this.#text, Array.from({ length: 8000 }, (_, i) => line(i)).join('\n'));
  }

  async start(name: string, steps: number): Promise<Training> {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const { preset, engine, seed } = this.#options;
    const model = ['--text', this.#text, '--preset', preset, '--engine', engine, '--sample-length', '0'];
    const plan = ['--workers', '2', '--shards', '2', '--steps', String(steps)];
    const training = new Training(folder, [...model, ...plan, ...BUDGETS], seed);
    await training.connectRemote();
    return training;
  }

  /** Steps that a run in peace makes in the time asked for. */
  async calibrate(): Promise<number> {
    const training = await this.start('calibration', 1_000_000);
    try {
      const deadline = Date.now() + CALIBRATION_DEADLINE_MS;
      while (training.commits.length < CALIBRATION_COMMITS) {
        if (!training.isRunning || Date.now() > deadline) throw new Error(`calibration failed; see ${this.#folder}`);
        await delay(LOOK_AGAIN_MS);
      }
      const commits = training.commits.slice(CALIBRATION_COMMITS / 2);
      const stepsPerSecond = rate(commits) / (commits[0]?.characters ?? 1);
      signal(training.supervisorPid, 'SIGINT');
      await within(STOP_DEADLINE_MS, 'the calibration to stop', training.ended);
      return Math.max(CALIBRATION_COMMITS, Math.round(stepsPerSecond * this.#options.minutes * 60));
    } finally {
      await training.close();
    }
  }

  async run(
    name: string,
    steps: number,
    meanwhile: (training: Training) => Promise<readonly Strike[]>,
  ): Promise<{ outcome: Outcome; commits: readonly Commit[]; strikes: readonly Strike[] }> {
    const training = await this.start(name, steps);
    try {
      const limitMs = (this.#options.minutes * PATIENCE + PATIENCE_MINUTES) * MS_PER_MINUTE;
      const [ended, strikes] = await within(limitMs, name, Promise.all([training.ended, meanwhile(training)]));
      if (ended.code !== 0) {
        const how = ended.signal ?? `exit code ${ended.code}`;
        throw new Error(`the run ${name} ended with ${how}; see ${this.#folder}/${name}`);
      }
      return { outcome: readOutcome(training.runDirectory, training.commits), commits: training.commits, strikes };
    } finally {
      await training.close();
    }
  }
}

async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  const isOver = new AbortController();
  const deadline = delay(limitMs, undefined, { signal: isOver.signal }).then(() => {
    throw new Error(`waited ${limitMs} ms in vain for ${what}`);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    isOver.abort();
    deadline.catch(() => undefined);
  }
}

/** Both runs should have had the machine to themselves, or their speeds say little. */
function load(): string {
  return `load average ${(loadavg()[0] ?? 0).toFixed(1)}`;
}

/** Gives the exit code: 0 when the promise was kept. */
export async function chaos(args: readonly string[], say: Say): Promise<number> {
  const options = readOptions(args);
  const kinds = options.kinds.length === 0 ? KINDS : options.kinds;
  const unknown = kinds.find((kind) => !KINDS.includes(kind));
  if (unknown !== undefined) throw new Error(`there is no fault "${unknown}"; there are ${KINDS.join(', ')}`);
  const { seed, minutes, everySeconds } = options;
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-chaos-'));
  say(`seed ${seed}, a fault every ${everySeconds} s, kinds: ${kinds.join(', ')}`);
  const stage = new Stage(options, folder);
  const steps = await stage.calibrate();
  say(`${steps} steps, about ${minutes} minutes; first without faults`);
  const clean = await stage.run('clean', steps, () => Promise.resolve([]));
  say(
    `without faults: ${clean.outcome.charactersPerSecond.toFixed(0)} characters a second (${load()}); now with faults`,
  );
  const startedMs = Date.now();
  const harmed = await stage.run('harmed', steps, (training) =>
    wreak(training, { kinds, seed, everySeconds }, ({ kind, detail, atMs }) => {
      const step = training.commits.at(-1)?.step ?? 0;
      say(`${((atMs - startedMs) / 1000).toFixed(1).padStart(7)} s, step ${step}: ${kind} (${detail})`);
    }),
  );
  const { strikes, commits } = harmed;
  const report = compare(clean.outcome, harmed.outcome, { seed, steps, strikes, commits });
  say(`\n${table(report)}\n${load()}`);
  if (options.out !== '') writeFileSync(options.out, `${JSON.stringify({ ...report, strikes }, null, 2)}\n`);
  if (!isKept(report)) {
    say(`the promise was broken; everything is in ${folder}`);
    return 1;
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return 0;
}
