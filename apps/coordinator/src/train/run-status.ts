/** Keeps `run.json` fresh, so that `lockstep status` and other programs see a run without talking to it. */
import { ownIdentity, writeRunFile } from '@lockstep/checkpoint';
import type { ProcessIdentity, RunFile, RunState } from '@lockstep/checkpoint';
import { toLockstepError } from '@lockstep/config';
import type { CoordinatorState } from '@lockstep/protocol';
import type { RunFigures } from '../observe/run-metrics.js';
import { hostname } from 'node:os';
import type { Assignment } from '../supervise/messages.js';
import type { OpenedRun } from './open-run.js';

const WRITE_EVERY_MS = 1_000;

/** What does not change during a run. */
interface RunFacts {
  readonly runId: string;
  readonly host: string;
  readonly coordinator: ProcessIdentity;
  readonly supervisor: ProcessIdentity;
  readonly term: number;
  readonly endpoint: string;
  readonly control: string;
  readonly metrics: string | null;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly engine: string;
}

/** The part of the state that is shown. */
type ShownState = Pick<CoordinatorState, 'step' | 'stopRequested' | 'phase' | 'plans' | 'workers'>;

/** What does. */
interface RunProgress {
  readonly state: ShownState;
  readonly loss: number | null;
  readonly charactersPerSecond: number;
  /** Seconds that a worker computed on its last shard, by slot. */
  readonly secondsPerShard: ReadonlyMap<number, number>;
  readonly figures: RunFigures;
  /** Whether this run's supervisor started the worker behind a peer. */
  readonly isLocal: (peer: string) => boolean;
}

export function statusFacts(
  { plan, transport }: OpenedRun,
  { runId, supervisor, engine }: Assignment,
  term: number,
  control: string,
  metrics: string | null,
): RunFacts {
  return {
    runId,
    host: hostname(),
    coordinator: ownIdentity(),
    supervisor,
    term,
    endpoint: transport.endpoint,
    control,
    metrics,
    steps: plan.totalSteps,
    stepsPerEpoch: plan.schedule.stepsPerEpoch,
    engine: engine.label,
  };
}

/** One word for how a run stands that goes on. */
export function stateWord({ phase, stopRequested }: Pick<ShownState, 'phase' | 'stopRequested'>): RunState {
  if (stopRequested) return 'stopping';
  if (phase.name === 'recovering') return 'recovering';
  return phase.name === 'gathering' ? 'waiting' : 'running';
}

export class RunStatusWriter {
  readonly #directory: string;
  readonly #facts: RunFacts;
  readonly #progress: () => RunProgress;
  readonly #startedAt = new Date().toISOString();
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;

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

  /** Writes now what has just changed; changes that come together are written together. */
  refresh(): void {
    if (this.#timer === undefined || this.#isDue) return;
    this.#isDue = true;
    this.#write(null, null);
  }

  /** Writes how it ended. */
  async stop(ended: 'done' | 'stopped' | 'failed', error: unknown): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#write(ended, error === null ? null : toLockstepError(error).line);
    await this.#writing;
  }

  /**
   * The file is a convenience: a run does not end because it cannot be written; the journal's own failure does
   * that.
   */
  #write(ended: RunState | null, error: string | null): void {
    this.#writing = this.#writing
      .then(() => {
        this.#isDue = false;
        return writeRunFile(this.#directory, this.#content(ended, error));
      })
      .catch(() => undefined);
  }

  #content(ended: RunState | null, error: string | null): RunFile {
    const { stepsPerEpoch, ...facts } = this.#facts;
    const progress = this.#progress();
    const { state, loss, charactersPerSecond, figures } = progress;
    return {
      formatVersion: 2,
      ...facts,
      state: ended ?? stateWord(state),
      startedAt: this.#startedAt,
      updatedAt: new Date().toISOString(),
      step: state.step,
      epoch: Math.floor(Math.max(0, state.step - 1) / stepsPerEpoch),
      loss,
      charactersPerSecond,
      shards: state.plans.at(-1)?.shards.length ?? 0,
      workers: ended === null ? workerRows(progress) : [],
      phaseSeconds: figures.phaseSeconds,
      runSeconds: figures.runSeconds,
      error,
    };
  }
}

function workerRows({ state, secondsPerShard, figures, isLocal }: RunProgress): RunFile['workers'] {
  const open = state.phase.name === 'computing' ? [...state.phase.open.values()] : [];
  return [...state.workers.values()]
    .sort((a, b) => a.slot - b.slot)
    .map(({ peer, slot, name, pid, host, status, drainingSinceMs, replica }) => ({
      slot,
      name,
      peer,
      local: isLocal(peer),
      pid,
      host,
      state: drainingSinceMs === null ? status : 'draining',
      step: status === 'ready' ? state.step : (replica?.step ?? 0),
      shards: open.filter(({ assignments }) => assignments.some((assignment) => assignment.peer === peer)).length,
      secondsPerShard: secondsPerShard.get(slot) ?? 0,
      barrierWaitSeconds: figures.workers.get(slot)?.barrierWaitSeconds ?? 0,
    }));
}
