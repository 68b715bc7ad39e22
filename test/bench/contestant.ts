/**
 * A contestant lives as a child process of its own from before the first round until after the last. It says `ready`
 * when it is warm, then answers every line `round` with one measurement that it has timed itself; so rounds of all
 * contestants can be interleaved, and starting up, compiling and warming up count for nobody.
 *
 * Its standard output is JSON lines; anything else there is a library's chatter and passed over.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const READY_DEADLINE_MS = 10 * 60_000;
const ROUND_DEADLINE_MS = 10 * 60_000;
const END_DEADLINE_MS = 10_000;
const KEPT_CHARACTERS = 4_000;

const readySchema = z.object({
  ready: z.object({
    version: z.string(),
    /** Losses of the warm-up, nats a character: proof that the work is the same. */
    losses: z.array(z.number()).default([]),
    facts: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  }),
});
const roundSchema = z.object({ value: z.number(), figures: z.record(z.string(), z.number()).default({}) });

export type Ready = z.infer<typeof readySchema>['ready'];

export interface ContestantPlan {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string>>;
}

export class Contestant {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #ended: Promise<void>;
  #complaints = '';
  #ready: Ready | undefined;
  #figures: Readonly<Record<string, number>> = {};

  private constructor({ name, command: [program, ...args], env }: ContestantPlan) {
    this.name = name;
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#complaints += error.message;
        resolve();
      });
      this.#child.once('close', () => resolve());
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#waiting.shift()?.(line);
    });
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#complaints = (this.#complaints + text.toString()).slice(-KEPT_CHARACTERS);
    });
    // A child that has died is told by its end, not by a broken pipe.
    this.#child.stdin.on('error', () => undefined);
  }

  /** @throws Error with its last words when it does not become ready */
  static async start(plan: ContestantPlan, deadlineMs = READY_DEADLINE_MS): Promise<Contestant> {
    const contestant = new Contestant(plan);
    try {
      contestant.#ready = readySchema.parse(await contestant.#line(deadlineMs)).ready;
      return contestant;
    } catch (error) {
      await contestant.close();
      throw error;
    }
  }

  get ready(): Ready {
    if (this.#ready === undefined) throw new Error(`${this.name} was not started`);
    return this.#ready;
  }

  /** What the last measurement told beside its value. */
  get figures(): Readonly<Record<string, number>> {
    return this.#figures;
  }

  /** @returns one measurement, in the unit of its case */
  async round(): Promise<number> {
    const answer = this.#line(ROUND_DEADLINE_MS);
    this.#child.stdin.write('round\n');
    const { value, figures } = roundSchema.parse(await answer);
    this.#figures = figures;
    return value;
  }

  /** Lets it end by itself, which closing its input asks for, and insists after a while. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), END_DEADLINE_MS);
    await this.#ended;
    clearTimeout(insist);
  }

  async #line(deadlineMs: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const line = await Promise.race([
      new Promise<string>((resolve) => this.#waiting.push(resolve)),
      this.#ended.then(() => undefined),
      new Promise<undefined>((resolve) => {
        timer = setTimeout(() => {
          this.#complaints += `no answer within ${deadlineMs / 1000} s`;
          resolve(undefined);
        }, deadlineMs);
      }),
    ]);
    clearTimeout(timer);
    if (line !== undefined) return JSON.parse(line);
    const lines = this.#complaints.trim().split('\n');
    // Node's own last line is its version.
    const words = lines.findLast((one) => /error|exception/i.test(one)) ?? lines.at(-1) ?? '';
    throw new Error(`${this.name} has ended: ${words}`);
  }
}
