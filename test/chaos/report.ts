/** Figures of a run with faults beside the same run without. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Strike } from './havoc.js';
import type { Commit } from './training.js';

/** What a finished run has left. */
export interface Outcome {
  readonly weightsSha256: unknown;
  /** Number of each journalled step, in the order of the journal. */
  readonly journal: readonly number[];
  /** What each journalled step says that no fault may change. */
  readonly facts: readonly string[];
  readonly charactersPerSecond: number;
}

export interface KindFigures {
  readonly kind: string;
  readonly count: number;
  /** From the fault to the next committed step, milliseconds; null when none came after it. */
  readonly recoveryP50Ms: number | null;
  readonly recoveryP99Ms: number | null;
}

export interface Report {
  readonly seed: number;
  readonly steps: number;
  readonly faults: number;
  readonly kinds: readonly KindFigures[];
  readonly cleanCharactersPerSecond: number;
  readonly charactersPerSecond: number;
  /** Characters of committed steps per second, as a share of the clean run's, in %. */
  readonly goodputPercent: number;
  readonly stepsLost: number;
  readonly stepsDouble: number;
  readonly sameSteps: boolean;
  readonly sameSha256: boolean;
}

type Line = Readonly<Record<string, unknown>>;

/** Between the first commit and the last, so that starting up counts for neither run. */
export function rate(commits: readonly Commit[]): number {
  const [first, last] = [commits[0], commits.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  const characters = commits.slice(1).reduce((sum, commit) => sum + commit.characters, 0);
  return (characters * 1000) / (last.atMs - first.atMs);
}

export function readOutcome(runDirectory: string, commits: readonly Commit[]): Outcome {
  const text = readFileSync(join(runDirectory, 'journal.ndjson'), 'utf8');
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const steps = lines.filter(({ kind }) => kind === 'step');
  const summary = JSON.parse(readFileSync(join(runDirectory, 'summary.json'), 'utf8')) as Line;
  return {
    weightsSha256: summary['weightsSha256'],
    journal: steps.map(({ step }) => Number(step)),
    facts: steps.map(({ step, loss, characters, gradientNorm, shardDigests }) =>
      JSON.stringify({ step, loss, characters, gradientNorm, shardDigests }),
    ),
    charactersPerSecond: rate(commits),
  };
}

/** The smallest value that so many % of the values do not exceed. */
function percentile(values: readonly number[], percent: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
}

export function figures(kind: string, strikes: readonly Strike[], commits: readonly Commit[]): KindFigures {
  const recoveries = strikes.flatMap(({ atMs }) => {
    const next = commits.find((commit) => commit.atMs > atMs);
    return next === undefined ? [] : [next.atMs - atMs];
  });
  return {
    kind,
    count: strikes.length,
    recoveryP50Ms: percentile(recoveries, 50),
    recoveryP99Ms: percentile(recoveries, 99),
  };
}

export function compare(
  clean: Outcome,
  harmed: Outcome,
  {
    seed,
    steps,
    strikes,
    commits,
  }: { seed: number; steps: number; strikes: readonly Strike[]; commits: readonly Commit[] },
): Report {
  const kinds = [...new Set(strikes.map(({ kind }) => kind))].sort();
  const journalled = new Set(harmed.journal);
  return {
    seed,
    steps,
    faults: strikes.length,
    kinds: [
      ...kinds.map((kind) =>
        figures(
          kind,
          strikes.filter((strike) => strike.kind === kind),
          commits,
        ),
      ),
      figures('all', strikes, commits),
    ],
    cleanCharactersPerSecond: clean.charactersPerSecond,
    charactersPerSecond: harmed.charactersPerSecond,
    goodputPercent: (100 * harmed.charactersPerSecond) / clean.charactersPerSecond,
    stepsLost: Array.from({ length: steps }, (_, index) => index + 1).filter((step) => !journalled.has(step)).length,
    stepsDouble: harmed.journal.length - journalled.size,
    sameSteps: JSON.stringify(harmed.facts) === JSON.stringify(clean.facts),
    sameSha256: harmed.weightsSha256 === clean.weightsSha256,
  };
}

/** Whether the promise was kept; how fast is another matter. */
export function isKept({ stepsLost, stepsDouble, sameSteps, sameSha256 }: Report): boolean {
  return stepsLost === 0 && stepsDouble === 0 && sameSteps && sameSha256;
}

export function table(report: Report): string {
  const milliseconds = (value: number | null): string => (value === null ? '-' : `${value} ms`);
  const row = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(20) : cell.padStart(12))).join('');
  const yes = (value: boolean): string => (value ? 'yes' : 'NO');
  return [
    row(['fault', 'count', 'p50', 'p99']),
    ...report.kinds.map(({ kind, count, recoveryP50Ms, recoveryP99Ms }) =>
      row([kind, String(count), milliseconds(recoveryP50Ms), milliseconds(recoveryP99Ms)]),
    ),
    '(from the fault to the next committed step)',
    '',
    row(['steps', String(report.steps)]),
    row(['lost', String(report.stepsLost)]),
    row(['double', String(report.stepsDouble)]),
    row(['same steps', yes(report.sameSteps)]),
    row(['same SHA-256', yes(report.sameSha256)]),
    row(['characters/s', report.charactersPerSecond.toFixed(0)]),
    row(['without faults', report.cleanCharactersPerSecond.toFixed(0)]),
    row(['goodput', `${report.goodputPercent.toFixed(1)} %`]),
    row(['seed', String(report.seed)]),
  ].join('\n');
}
