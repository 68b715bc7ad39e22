/** How a run ended: a summary that is written and shown, or the failure that ended it. */
import { readCheckpoint, readSummary, weightsSha256, writeSummary } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import type { ErrorKind } from '@lockstep/config';
import { UNKNOWN_ID } from '@lockstep/data';
import type { CoordinatorOutcome } from '@lockstep/protocol';
import type { RunSummary, RunView } from './events.js';
import type { RunPlan } from './plan-run.js';
import { quote } from './quote.js';
import type { RunDirectory } from './run-directory.js';
import type { RunObserver } from './run-events.js';
import type { DirectoryStore } from './run-store.js';

export interface Conclusion {
  readonly plan: RunPlan;
  readonly store: DirectoryStore;
  readonly directory: RunDirectory;
  readonly view: RunView;
  readonly runId: string;
  readonly startedAtMs: number;
  readonly observer: RunObserver;
  readonly engine: string;
  /** In the plan of the last step. */
  readonly shards: number;
  /** The first weights of a run whose disk did not take them before it was stopped. */
  readonly unwritten: Float32Array | undefined;
}

/** What more time, more workers or a mended disk may cure. */
const RESUMABLE: ReadonlySet<ErrorKind> = new Set(['retry', 'io', 'unavailable', 'internal', 'locked']);

/** @throws LockstepError when the run failed, naming what keeps its results */
export async function conclude(outcome: CoordinatorOutcome, parts: Conclusion): Promise<RunSummary> {
  const { plan, store, directory, view } = parts;
  if (outcome.result === 'failed') {
    const { kind, what, hint } = outcome.failure;
    const wayOn = RESUMABLE.has(kind) ? `; lockstep train --resume ${quote(directory.path)} goes on from there` : '';
    throw new LockstepError(kind, what, `${hint} (${directory.path} holds the last checkpoint and the logs${wayOn})`);
  }
  const { unwritten } = parts;
  // One that had nothing left to do has written none.
  const latest =
    unwritten === undefined
      ? (store.latestCheckpoint ?? (await readCheckpoint(directory.path)))
      : { step: 0, weightsSha256: weightsSha256(unwritten), path: directory.path };
  const summary: RunSummary = {
    runId: parts.runId,
    result: outcome.result,
    // One that was stopped when nobody held its weights any more has made steps that are in its journal only.
    steps: latest.step,
    characters: store.characters,
    epochMeanLoss: store.epochMeanLoss,
    validationLoss: parts.observer.validationLoss,
    weightsSha256: latest.weightsSha256,
    charactersPerSecond: store.overallRate,
    engine: parts.engine,
    // Local ones, or all that answered where others helped.
    workers: Math.max(plan.options.workers, parts.observer.secondsPerShard.size),
    shards: parts.shards,
    wallSeconds: Math.max(0, Date.now() - parts.startedAtMs) / 1000,
  };
  await writeSummary(directory.path, { ...summary, epochMeanLoss: [...summary.epochMeanLoss] });
  const next = nextCommands(plan, directory.path, summary.result === 'done');
  showSummary(view, directory, summary, latest.path, unwritten === undefined ? next : [resumeCommand(directory.path)]);
  return summary;
}

/** Shows again how a run has ended that has nothing left to do. */
export async function concludeAgain(plan: RunPlan, directory: RunDirectory, view: RunView): Promise<RunSummary> {
  const summary = { ...(await readSummary(directory.path)), result: 'done' } as const;
  const { path } = await readCheckpoint(directory.path);
  view.show({ event: 'notice', text: `the run in ${directory.path} is done already; --steps makes it go on` });
  showSummary(view, directory, summary, path, nextCommands(plan, directory.path, true));
  return summary;
}

function showSummary(
  view: RunView,
  { path }: RunDirectory,
  summary: RunSummary,
  checkpoint: string,
  next: readonly string[],
): void {
  view.show({ event: 'summary', summary, runDirectory: path, checkpoint, next });
}

const resumeCommand = (path: string): string => `npx lockstep train --resume ${quote(path)}`;

/** Begins a sample of an English text well. */
const ENGLISH_PRIME = 'She was ';
const PRIME_LENGTH = 8;

/** What one can do with a run that has ended, for this very model and text. */
function nextCommands(plan: RunPlan, path: string, isDone: boolean): readonly string[] {
  const { config, vocabulary, options, prime, textPaths } = plan;
  const isKnown = !vocabulary.encode(ENGLISH_PRIME).includes(UNKNOWN_ID);
  const start = isKnown ? ENGLISH_PRIME : [...prime].slice(0, PRIME_LENGTH).join('');
  const text = textPaths === undefined ? '' : ` --text ${textPaths.map(quote).join(' ')}`;
  const sizes = `--embedding ${config.embedding} --units ${config.units}`;
  return [
    `npx lockstep sample --checkpoint ${quote(path)} --prime ${JSON.stringify(start)} --length 300`,
    ...(isDone ? [] : [resumeCommand(path)]),
    `npx lockstep train --init-from ${quote(path)} --preset ${options.preset} ${sizes}${text}`,
  ];
}
