/** What the figures are held against, and the verdicts: a ratio within one run, or a bound in the unit of a case. */
import { ratioOf, summarise } from '@lockstep/measure';
import type { Ratio } from '@lockstep/measure';
import { bestRow } from './compare.js';
import type { Case, Row, SuiteResult } from './results.js';

export interface Target {
  readonly id: string;
  readonly says: string;
  readonly suite: string;
  readonly case: string;
  /** Lockstep's row: its name begins with `lockstep` and holds this; the best one of several. */
  readonly subject: string;
  /** The row it is compared with, by the beginning of its name; absent for a bound on the figure itself. */
  readonly against?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export const TARGETS: readonly Target[] = [
  ...(['torch', 'keras'] as const).map((against) => ({
    id: `step-${against}`,
    says: `one worker's step takes at most 0.65 x ${against}'s`,
    ...{ suite: 'step', case: 'tutorial', subject: '', against, atMost: 0.65 },
  })),
  {
    id: 'step-onednn',
    says: "one worker's step takes at most 1.10 x oneDNN's lbr_gru and matmuls",
    ...{ suite: 'step', case: 'tutorial', subject: '', against: 'onednn', atMost: 1.1 },
  },
  {
    id: 'workers-one',
    says: 'two workers of one thread reach 0.95 x the characters/s of one process with both cores',
    ...{ suite: 'workers', case: 'tutorial', subject: '', against: 'one process', atLeast: 0.95 },
  },
  {
    id: 'workers-torch',
    says: 'two workers of one thread reach 1.6 x the characters/s of DDP over Gloo',
    ...{ suite: 'workers', case: 'tutorial', subject: '', against: 'torch', atLeast: 1.6 },
  },
  ...[2, 4].flatMap((workers) => [
    {
      id: `allreduce-tcp-${workers}`,
      says: `over TCP, ${workers} workers take at most Gloo's time`,
      ...{ suite: 'allreduce', case: `${workers} processes`, subject: 'tcp', against: 'gloo', atMost: 1 },
    },
    {
      id: `allreduce-memory-${workers}`,
      says: `by shared memory, ${workers} workers take at most 0.6 x Gloo's time`,
      ...{ suite: 'allreduce', case: `${workers} processes`, subject: 'shared memory', against: 'gloo', atMost: 0.6 },
    },
  ]),
  {
    id: 'path-optimizer',
    says: 'an update takes at most 1.5 x a memory copy of as many bytes',
    ...{ suite: 'path', case: 'optimizer', subject: '', against: 'memory copy', atMost: 1.5 },
  },
  {
    id: 'path-overhead',
    says: 'batch, digests and journal together take at most 2 % of a step',
    ...{ suite: 'path', case: 'overhead', subject: '', against: 'one step', atMost: 0.02 },
  },
  {
    id: 'path-start',
    says: 'from the command to the first step in at most 5 s',
    ...{ suite: 'path', case: 'start', subject: '', atMost: 5 },
  },
  {
    id: 'path-sampling',
    says: "sampling reaches 5 x the characters/s of Keras's OneStep",
    ...{ suite: 'path', case: 'sampling', subject: '', against: 'keras', atLeast: 5 },
  },
  {
    id: 'path-wasm',
    says: 'a step of the wasm engine takes at most 1.5 x its operations at the rate of its best matMul',
    ...{ suite: 'path', case: 'wasm', subject: '', against: 'its best matMul', atMost: 1.5 },
  },
  {
    id: 'metrics-overhead',
    says: 'a run with metrics and live page reaches 0.99 x the characters/s of one without',
    ...{ suite: 'metrics', case: 'overhead', subject: '', against: 'not watched', atLeast: 0.99 },
  },
  {
    id: 'metrics-scrape',
    says: 'a scrape of 64 workers takes at most 50 ms',
    ...{ suite: 'metrics', case: 'scrape', subject: '', atMost: 50 },
  },
  {
    id: 'quality-keras',
    says: "time to a training loss of 1.90 nats is at most 0.35 x that of the Keras tutorial's recipe",
    ...{ suite: 'quality', case: 'tutorial', subject: '', against: 'keras', atMost: 0.35 },
  },
];

export interface Verdict {
  readonly target: Target;
  /** `open`: a contestant was missing, or the suite was not run. */
  readonly outcome: 'met' | 'missed' | 'open';
  readonly ratio: Ratio | undefined;
  /** The figure that is held against the bound. */
  readonly value: number | undefined;
}

export function judge(target: Target, suites: readonly SuiteResult[]): Verdict {
  const open = { target, outcome: 'open', ratio: undefined, value: undefined } as const;
  const one = suites.find(({ suite }) => suite === target.suite)?.cases.find(({ name }) => name === target.case);
  if (one === undefined) return open;
  const subject = bestRow(
    one,
    ({ contestant }) => contestant.startsWith('lockstep') && contestant.includes(target.subject),
  );
  if (subject === undefined) return open;
  const ratio = target.against === undefined ? undefined : ratioTo(one, subject, target.against);
  const value = target.against === undefined ? summarise(subject.values).median : ratio?.ofMedians;
  if (value === undefined) return open;
  const isMet = value <= (target.atMost ?? Infinity) && value >= (target.atLeast ?? -Infinity);
  return { target, outcome: isMet ? 'met' : 'missed', ratio, value };
}

function ratioTo(one: Case, subject: Row, against: string): Ratio | undefined {
  const other = bestRow(one, ({ contestant }) => contestant.startsWith(against));
  return other === undefined ? undefined : ratioOf(subject.values, other.values);
}
