/** How a run ended: a summary that is written and shown, or the failure that ended it. */
import { writeSummary } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import { UNKNOWN_ID } from '@lockstep/data';
import type { CoordinatorOutcome } from '@lockstep/protocol';
import type { RunSummary, RunView } from './events.js';
import type { RunPlan } from './plan-run.js';
import type { RunDirectory } from './run-directory.js';
import type { RunObserver } from './run-events.js';
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
  readonly observer: RunObserver;
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
    validationLoss: parts.observer.validationLoss,
    weightsSha256: latest?.weightsSha256 ?? '',
    charactersPerSecond: store.overallRate,
    engine: parts.engine,
    // Local ones, or all that answered where others helped.
    workers: Math.max(plan.options.workers, parts.observer.secondsPerShard.size),
    shards: plan.shards.length,
    wallSeconds: (performance.now() - parts.startedMs) / 1000,
  };
  await writeSummary(directory.path, { ...summary, epochMeanLoss: [...summary.epochMeanLoss] });
  const checkpoint = latest?.path ?? '';
  const next = nextCommands(plan, directory.path);
  view.show({ event: 'summary', summary, runDirectory: directory.path, checkpoint, next });
  return summary;
}

/** Begins a sample of an English text well. */
const ENGLISH_PRIME = 'She was ';
const PRIME_LENGTH = 8;

/** What one can do with a run that has ended, for this very model and text. */
function nextCommands({ config, vocabulary, options, prime, textPaths }: RunPlan, path: string): readonly string[] {
  const isKnown = !vocabulary.encode(ENGLISH_PRIME).includes(UNKNOWN_ID);
  const start = isKnown ? ENGLISH_PRIME : [...prime].slice(0, PRIME_LENGTH).join('');
  const text = textPaths === undefined ? '' : ` --text ${textPaths.map(quote).join(' ')}`;
  const sizes = `--embedding ${config.embedding} --units ${config.units}`;
  return [
    `npx lockstep sample --checkpoint ${quote(path)} --prime ${JSON.stringify(start)} --length 300`,
    `npx lockstep train --init-from ${quote(path)} --preset ${options.preset} ${sizes}${text}`,
  ];
}

/** For a shell, where it needs it. */
function quote(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
