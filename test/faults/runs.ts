/**
 * Runs that are harmed, and the run without harm that they are compared with: same text, same plan, and at the end
 * the same bytes.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  journalOf,
  lockstep,
  LockstepProcess,
  readJson,
  sharedFolder,
  temporaryFolder,
  waitFor,
  writeText,
} from '../cluster/lockstep-process.js';

/** What must not depend on faults. */
interface Result {
  readonly weightsSha256: unknown;
  /** Of each step: number, epoch, loss, characters, norm and the digests of its shards. */
  readonly steps: readonly string[];
}

/** One line of the log of fault points. */
export interface Strike {
  readonly point: string;
  readonly action: string;
  readonly pid: number;
  readonly atMs: number;
  /** As the protocol counts, from 0. */
  readonly step: number | undefined;
  readonly worker: string;
}

/** In the environment of everything that one harmed run starts, so that what it leaves behind can be found. */
const MARK = 'HARMED_RUN';

/** A run with faults under way. */
export class HarmedRun {
  readonly run: string;
  readonly process: LockstepProcess;
  /** When each committed step was told, by its number from 1. */
  readonly commits = new Map<number, number>();
  readonly environment: NodeJS.ProcessEnv;
  readonly #log: string;
  readonly #mark = randomUUID();

  constructor(run: string, args: readonly string[], faults: string) {
    this.run = run;
    this.#log = join(temporaryFolder(), 'faults.log');
    const asked = faults === '' ? {} : { LOCKSTEP_FAULTS: faults, LOCKSTEP_FAULTS_LOG: this.#log };
    this.environment = { [MARK]: this.#mark, ...asked };
    this.process = new LockstepProcess([...args, '--json'], { env: this.environment });
    this.process.child.stdout?.on('data', () => {
      for (const { event, step } of this.process.events) {
        if (event === 'step' && !this.commits.has(Number(step))) this.commits.set(Number(step), Date.now());
      }
    });
  }

  get strikes(): readonly Strike[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n');
    return lines.map((line) => {
      const [point = '', ...rest] = line.split(' ');
      const facts = new Map(rest.map((fact) => fact.split('=') as [string, string]));
      const number = (name: string): number => Number(facts.get(name));
      return {
        ...{ point, action: facts.get('action') ?? '', worker: facts.get('worker') ?? '' },
        ...{ pid: number('pid'), atMs: number('at'), step: facts.has('step') ? number('step') : undefined },
      };
    });
  }

  /** Living processes of this run, found by what they have in their environment. */
  get processes(): readonly number[] {
    const isOurs = (pid: string): boolean => {
      try {
        const isAlive = !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
        return isAlive && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${this.#mark}`);
      } catch {
        return false;
      }
    };
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isOurs(name))
      .map(Number);
  }

  /** Waits until the step, counted from 1, is committed. */
  step(step: number): Promise<unknown> {
    return waitFor(`step ${step} (stderr: ${this.process.stderr})`, () => this.commits.has(step));
  }

  /** Milliseconds from a strike to the commit of the step that it hit, or of the next step where it hit none. */
  recoveryMs({ point, step, atMs }: Strike): number {
    const done = point === 'C5' ? 1 : 0;
    const later = [...this.commits].filter(([number, at]) => at >= atMs && number > (step ?? 0) + done);
    const next = Math.min(...later.map(([, at]) => at));
    if (!Number.isFinite(next)) throw new Error('no step was committed after the strike');
    return next - atMs;
  }
}

/** Harmed runs of one spec file, beside one that is not. */
export class Comparison {
  readonly #steps: number;
  #fixed: readonly string[] = [];
  #clean: Result | undefined;

  /** Makes the clean run before the tests of the file. */
  constructor(steps: number, ...more: readonly string[]) {
    this.#steps = steps;
    const folder = sharedFolder();
    beforeAll(async () => {
      const model = ['--preset', 'tiny', '--engine', 'wasm', '--steps', String(steps), '--sample-length', '0'];
      const shards = more.includes('--shards') ? [] : ['--shards', '2'];
      this.#fixed = ['train', '--text', writeText(folder.path), ...model, ...shards, ...more];
      const run = join(folder.path, 'clean');
      const args = inStar([...this.#fixed, '--run-dir', run]);
      const { code, stderr } = await lockstep(args, { cwd: folder.path, inHook: true });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      this.#clean = resultOf(run);
    });
    afterAll(() => folder.remove());
  }

  /** Starts the same run in a directory of its own, with these faults. */
  harm(faults: string, ...more: readonly string[]): HarmedRun {
    return this.harmIn(temporaryFolder(), faults, ...more);
  }

  /** The same in a folder of the caller's choice. */
  harmIn(folder: string, faults: string, ...more: readonly string[]): HarmedRun {
    const run = join(folder, 'run');
    return new HarmedRun(run, inStar([...this.#fixed, '--run-dir', run, ...more]), faults);
  }

  /**
   * It has ended well, with the same bytes, the same steps, every step once and in order, and nothing left behind.
   * @param lonely workers that nobody can tell that the run is over
   */
  async expectSame(harmed: HarmedRun, lonely: readonly LockstepProcess[] = []): Promise<void> {
    expect(await harmed.process.end()).toMatchObject({ code: 0 });
    this.expectSameResult(harmed.run);
    for (const { child } of lonely) child.kill('SIGKILL');
    await waitFor('every process of the run to end', () => harmed.processes.length === 0);
  }

  expectSameResult(run: string): void {
    const result = resultOf(run);
    expect(result.steps.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
      Array.from({ length: this.#steps }, (_, index) => index + 1),
    );
    expect(result).toEqual(this.#clean);
  }
}

/** Which phases a run passes depends on the topology, and that on measurements, unless it is given. */
function inStar(args: readonly string[]): readonly string[] {
  return args.includes('--topology') ? args : [...args, '--topology', 'star'];
}

function resultOf(run: string): Result {
  const lines = journalOf(run).filter(({ kind }) => kind === 'step');
  return {
    weightsSha256: readJson(run, 'summary.json')['weightsSha256'],
    steps: lines.map(({ step, epoch, loss, characters, gradientNorm, shardDigests }) =>
      JSON.stringify({ step, epoch, loss, characters, gradientNorm, shardDigests }),
    ),
  };
}
