/** Keeps `run.json` fresh, so that `lockstep status` and other programs see a run without talking to it. */
import { writeRunFile } from '@lockstep/checkpoint';
import type { ProcessIdentity, RunFile, RunState } from '@lockstep/checkpoint';
import { toLockstepError } from '@lockstep/config';
import type { CoordinatorState } from '@lockstep/protocol';

const WRITE_EVERY_MS = 1_000;

/** What does not change during a run. */
export interface RunFacts {
  readonly runId: string;
  readonly host: string;
  readonly coordinator: ProcessIdentity;
  readonly endpoint: string;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly engine: string;
  readonly shards: number;
}

/** What does. */
export interface RunProgress {
  readonly state: CoordinatorState;
  readonly loss: number | null;
  readonly charactersPerSecond: number;
  /** Seconds that a worker computed on its last shard, by slot. */
  readonly secondsPerShard: ReadonlyMap<number, number>;
}

function stateWord({ phase, stopRequested }: CoordinatorState): RunState {
  if (stopRequested) return 'stopping';
  return phase.name === 'gathering' ? 'waiting' : 'running';
}

export class RunStatusWriter {
  readonly #directory: string;
  readonly #facts: RunFacts;
  readonly #progress: () => RunProgress;
  readonly #startedAt = new Date().toISOString();
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, facts: RunFacts, progress: () => RunProgress) {
    this.#directory = directory;
    this.#facts = facts;
    this.#progress = progress;
  }

  start(): void {
    this.#write(null, null);
    this.#timer = setInterval(() => this.#write(null, null), WRITE_EVERY_MS);
    this.#timer.unref();
  }

  /** Writes how it ended. */
  async stop(ended: 'done' | 'stopped' | 'failed', error: unknown): Promise<void> {
    clearInterval(this.#timer);
    this.#write(ended, error === null ? null : toLockstepError(error).line);
    await this.#writing;
  }

  /**
   * The file is a convenience: a run does not end because it cannot be written; the journal's own failure does
   * that.
   */
  #write(ended: RunState | null, error: string | null): void {
    this.#writing = this.#writing
      .then(() => writeRunFile(this.#directory, this.#content(ended, error)))
      .catch(() => undefined);
  }

  #content(ended: RunState | null, error: string | null): RunFile {
    const { runId, host, coordinator, endpoint, steps, stepsPerEpoch, engine, shards } = this.#facts;
    const { state, loss, charactersPerSecond, secondsPerShard } = this.#progress();
    return {
      formatVersion: 1,
      runId,
      host,
      coordinator,
      endpoint,
      state: ended ?? stateWord(state),
      startedAt: this.#startedAt,
      updatedAt: new Date().toISOString(),
      step: state.step,
      steps,
      epoch: Math.floor(Math.max(0, state.step - 1) / stepsPerEpoch),
      loss,
      charactersPerSecond,
      engine,
      shards,
      workers: ended === null ? workerRows(state, secondsPerShard) : [],
      error,
    };
  }
}

function workerRows(state: CoordinatorState, secondsPerShard: ReadonlyMap<number, number>): RunFile['workers'] {
  const pending = state.phase.name === 'computing' ? [...state.phase.pending.values()] : [];
  return [...state.workers.values()]
    .sort((a, b) => a.slot - b.slot)
    .map(({ peer, slot, pid, host, status }) => ({
      slot,
      pid,
      host,
      state: status,
      step: state.step,
      shards: pending.filter((assignment) => assignment.peer === peer).length,
      secondsPerShard: secondsPerShard.get(slot) ?? 0,
    }));
}
