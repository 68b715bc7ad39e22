/** Journal lines that a coordinator may write, with values that tell every step from every other. */
import { FIRST_SUM, sealLine } from '../line-sum.js';
import type { PlanLine, StepLine, TermLine } from '../journal-line.js';

/** @param changes fields to replace or to add; unknown ones are kept by the journal */
export function stepLine(step: number, changes: object = {}): StepLine {
  return {
    kind: 'step',
    step,
    epoch: 0,
    term: 1,
    loss: 4.19 / step,
    characters: 6400,
    seconds: 0.8,
    gradientNorm: 1.5,
    shardDigests: [step.toString(16).padStart(16, '0'), 'ffffffffffffffff'],
    ...changes,
  };
}

export function stepLines(count: number): readonly StepLine[] {
  return Array.from({ length: count }, (_, index) => stepLine(index + 1));
}

export function termLine(term: number, changes: object = {}): TermLine {
  return {
    kind: 'term',
    term,
    incarnation: `life-${term}`,
    host: 'here',
    pid: 7,
    startedAt: new Date(0).toISOString(),
    step: 0,
    computeClass: null,
    ...changes,
  };
}

export function planLine(fromStep: number, changes: object = {}): PlanLine {
  return {
    kind: 'plan',
    fromStep,
    shards: [
      [0, 32],
      [32, 64],
    ],
    ...changes,
  };
}

/** What a journal of these lines holds. */
export function journalText(lines: readonly object[]): string {
  let before = FIRST_SUM;
  return lines
    .map((line) => {
      const { text, sum } = sealLine(JSON.stringify(line), before);
      before = sum;
      return `${text}\n`;
    })
    .join('');
}
