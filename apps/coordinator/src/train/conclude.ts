/** How a run ended: a summary that is written and shown, or the failure that ended it. */
import { writeSummary } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import type { CoordinatorOutcome } from '@lockstep/protocol';
import type { RunSummary, RunView } from './events.js';
import type { RunPlan } from './plan-run.js';
import type { RunDirectory } from './run-directory.js';
import type { DirectoryStore } from './run-store.js';

export interface Conclusion {
  /** How local workers ended that were not told to. */
  readonly deaths: readonly string[];
  readonly plan: RunPlan;
  readonly store: DirectoryStore;
  readonly directory: RunDirectory;
  readonly view: RunView;
  readonly runId: string;
  readonly startedMs: number;
  readonly validationLoss: number | null;
  readonly engine: string;
}

/** @throws LockstepError when the run failed, naming what keeps its results */
export async function conclude(outcome: CoordinatorOutcome, parts: Conclusion): Promise<RunSummary> {
  const { plan, store, directory, view } = parts;
  const latest = store.latestCheckpoint;
  if (outcome.result === 'failed') {
    const { kind, what, hint } = outcome.failure;
    // How the first of our own workers died says more than what its silence looked like from here.
    const [death] = parts.deaths;
    const cause = death === undefined ? what : `${what.replace(/, the first by: .*$/, '')}: ${death}`;
    throw new LockstepError(kind, cause, `${hint} (${directory.path} holds the last checkpoint and the logs)`);
  }
  const summary: RunSummary = {
    runId: parts.runId,
    result: outcome.result,
    steps: outcome.steps,
    characters: store.characters,
    epochMeanLoss: store.epochMeanLoss,
    validationLoss: parts.validationLoss,
    weightsSha256: latest?.weightsSha256 ?? '',
    charactersPerSecond: store.overallRate,
    engine: parts.engine,
    workers: plan.options.workers,
    shards: plan.shards.length,
    wallSeconds: (performance.now() - parts.startedMs) / 1000,
  };
  await writeSummary(directory.path, { ...summary, epochMeanLoss: [...summary.epochMeanLoss] });
  view.show({ event: 'summary', summary, runDirectory: directory.path, checkpoint: latest?.path ?? '' });
  return summary;
}
