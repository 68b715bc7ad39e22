/**
 * A run as its files tell it, whether it goes on or is over: what `lockstep view` shows without asking anybody. The
 * checksums of the journal are left to those who go on from it; here a line that is none is passed over.
 */
import { runPaths } from '@lockstep/checkpoint';
import { stepRow } from '@lockstep/page';
import type { PageStatus, StepRow } from '@lockstep/page';
import { z } from 'zod';
import { currentState, findRun } from '../commands/find-run.js';
import type { FoundRun } from '../commands/find-run.js';
import { parseRecorded } from '../record/read-events.js';
import { printable } from '../views/printable.js';
import { LineTail } from './line-tail.js';
import { toldEvent } from './updates-of.js';
import type { ToldEvent } from './updates-of.js';

const stepLine = z.object({
  kind: z.literal('step'),
  step: z.int().positive(),
  loss: z.number(),
  characters: z.number(),
  seconds: z.number(),
});

/** What has come since the last look. */
export interface News {
  readonly steps: readonly StepRow[];
  readonly events: readonly ToldEvent[];
}

export class RunFollower {
  readonly #directory: string;
  readonly #journal: LineTail;
  readonly #events: LineTail;
  #run: FoundRun;
  #lastStep = 0;

  constructor(run: FoundRun) {
    const { journal, events } = runPaths(run.path);
    this.#directory = run.path;
    this.#run = run;
    this.#journal = new LineTail(journal);
    this.#events = new LineTail(events);
  }

  /** @throws LockstepError 'io' when a file cannot be read */
  async look(): Promise<News> {
    // A run file is replaced, and may be of another moment: the last one that could be read counts.
    this.#run = await findRun(this.#directory).catch(() => this.#run);
    const steps = (await this.#journal.read()).flatMap(rowsOf);
    this.#lastStep = steps.at(-1)?.[0] ?? this.#lastStep;
    const events = (await this.#events.read()).flatMap(parseRecorded).map(toldEvent);
    return { steps, events };
  }

  get committed(): number {
    return this.#lastStep;
  }

  get status(): PageStatus {
    const { file } = this.#run;
    return {
      state: currentState(this.#run),
      step: file.step,
      phases: file.phaseSeconds,
      runSeconds: file.runSeconds,
      workers: file.workers.map(({ slot, name, host, state, step, secondsPerShard, barrierWaitSeconds }) => ({
        ...{ slot, name: printable(name), host: printable(host), state, step, barrierWaitSeconds },
        secondsPerShard: secondsPerShard === 0 ? null : secondsPerShard,
        ...{ residentBytes: null, busyShare: null },
      })),
    };
  }
}

/** The step on one line; none where it tells of something else. */
function rowsOf(line: string): readonly StepRow[] {
  try {
    const parsed = stepLine.safeParse(JSON.parse(line));
    return parsed.success ? [stepRow(parsed.data)] : [];
  } catch {
    return [];
  }
}
