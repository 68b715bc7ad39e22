/**
 * What a journal tells about a run: how many lives its coordinator has had, which plan holds from which step on, and
 * every committed step. A journal with a step missing, or twice, would hide a lost or doubled update: it is refused.
 */
import type { JournalLine, PlanLine, StepLine, TermLine } from './journal-line.js';
import { readJournal, refuseLine } from './read-journal.js';
import type { TornTail } from './read-journal.js';

/** A plan and the first step, counted from 1, that is computed under it. */
export type PlanInForce = Pick<PlanLine, 'fromStep' | 'shards'>;

export interface RunHistory {
  /** Of the latest life; 0 before the first. */
  readonly term: number;
  readonly lives: readonly TermLine[];
  /** By rising first step; the plan of a step is the last one that begins at or before it. */
  readonly plans: readonly PlanInForce[];
  /** Line i commits step i + 1. */
  readonly steps: readonly StepLine[];
  /** Checksum of the last line, which the next one goes on from. */
  readonly lastSum: string;
  readonly tornTail: TornTail | null;
}

/**
 * Reads a journal and holds it against its own rules: steps 1, 2, 3 and so on, rising terms, a plan before the first
 * step that needs it.
 * @throws LockstepError 'data' naming the line that breaks them, 'io' when the file cannot be read
 */
export async function readHistory(path: string): Promise<RunHistory> {
  const { lines, lastSum, tornTail } = await readJournal(path);
  const history = { lives: [] as TermLine[], plans: [] as PlanInForce[], steps: [] as StepLine[] };
  for (const [index, line] of lines.entries()) {
    const reason = addLine(history, line);
    if (reason !== null) refuseLine(path, { lineNumber: index + 1, reason });
  }
  return { ...history, term: history.lives.at(-1)?.term ?? 0, lastSum, tornTail };
}

interface Growing {
  readonly lives: TermLine[];
  readonly plans: PlanInForce[];
  readonly steps: StepLine[];
}

/** @returns why the line cannot stand there, or null */
function addLine({ lives, plans, steps }: Growing, line: JournalLine): string | null {
  const term = lives.at(-1)?.term ?? 0;
  switch (line.kind) {
    case 'term':
      if (line.term <= term) return `term ${line.term} does not come after term ${term}`;
      lives.push(line);
      return null;
    case 'plan':
      if (line.fromStep <= steps.length) return `its plan is for step ${line.fromStep}, which is committed already`;
      // A life that ended before it used its plan left one that the next life may decide anew.
      while ((plans.at(-1)?.fromStep ?? 0) >= line.fromStep) plans.pop();
      plans.push({ fromStep: line.fromStep, shards: line.shards });
      return null;
    case 'step':
      if (line.step !== steps.length + 1) return `step ${line.step} stands where step ${steps.length + 1} must`;
      if (line.term > term) return `step ${line.step} is of term ${line.term}, which has not begun`;
      if ((plans[0]?.fromStep ?? Infinity) > line.step) return `step ${line.step} has no plan`;
      steps.push(line);
      return null;
  }
}
