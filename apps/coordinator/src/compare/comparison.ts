/** Several runs beside each other: how far each came, how good it got, how fast, and whether the bits are the same. */
import type { RunHistory, RunSummary } from '@lockstep/checkpoint';
import type { RunConfig } from '@lockstep/config';
import { Curve, stepRow } from '@lockstep/page';
import type { ComparedRun, Comparison } from '@lockstep/page';
import { configRows } from '../page/config-rows.js';

export interface LoadedRun {
  readonly name: string;
  readonly state: string;
  readonly history: Pick<RunHistory, 'steps'>;
  readonly config: RunConfig;
  readonly summary: RunSummary | null;
}

/** Single steps jump: losses are told as means of so many. */
const MEAN_STEPS = 20;

export function compare(runs: readonly LoadedRun[]): Comparison {
  const [first] = runs;
  const rows = runs.map(({ config }) => new Map(configRows(config)));
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const differences = names
    .map((name) => ({ name, values: rows.map((row) => row.get(name) ?? '-') }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
  return { runs: runs.map((run) => comparedRun(run, first ?? run)), differences };
}

function comparedRun(run: LoadedRun, first: LoadedRun): ComparedRun {
  const { name, state, history, summary } = run;
  const { steps } = history;
  const curve = new Curve();
  for (const step of steps) curve.add(stepRow(step));
  const means = runningMeans(steps.map(({ loss }) => loss));
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const characters = steps.reduce((sum, step) => sum + step.characters, 0);
  return {
    ...{ name, state, curve: curve.toJSON(), steps: steps.length },
    lastLoss: means.at(-1) ?? null,
    bestLoss: means.length === 0 ? null : means.reduce((best, mean) => Math.min(best, mean)),
    validationLoss: summary?.validationLoss ?? null,
    charactersPerSecond: seconds === 0 ? null : characters / seconds,
    weightsSha256: summary?.weightsSha256 ?? null,
    bits: run === first ? null : compareBits(run, first),
  };
}

/** Of each step that has so many before it, or of all there are. */
function runningMeans(losses: readonly number[]): readonly number[] {
  const over = Math.min(MEAN_STEPS, losses.length);
  const means: number[] = [];
  let sum = 0;
  for (const [index, loss] of losses.entries()) {
    sum += loss - (index >= over ? (losses[index - over] ?? 0) : 0);
    if (index >= over - 1) means.push(sum / over);
  }
  return means;
}

/** What the digests of the weights say, step by step, as far as both runs have them. */
function compareBits({ history, summary }: LoadedRun, first: LoadedRun): ComparedRun['bits'] {
  let sameUntil = 0;
  for (const [index, { step, weightsDigest }] of history.steps.entries()) {
    const other = first.history.steps[index]?.weightsDigest;
    if (weightsDigest === undefined || other === undefined) continue;
    if (weightsDigest !== other) return { sameUntil, differsAt: step, sameWeights: false };
    sameUntil = step;
  }
  const [ours, theirs] = [summary?.weightsSha256, first.summary?.weightsSha256];
  const sameWeights = ours === undefined || theirs === undefined ? null : ours === theirs;
  return { sameUntil, differsAt: null, sameWeights };
}
