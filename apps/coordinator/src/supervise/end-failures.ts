/** What ends a run from outside its coordinator, in words: a process that cannot be started again, a lost directory. */
import { runPaths } from '@lockstep/checkpoint';
import { EXIT_CODES, LockstepError } from '@lockstep/config';
import type { ErrorKind } from '@lockstep/config';
import { existsSync } from 'node:fs';
import { quote } from '../train/quote.js';
import { printable } from '../views/printable.js';
import { FAILED_STARTS_MAX, isPreemption } from './restart-policy.js';
import type { WorkerEnd } from './worker-pool.js';

/** Of another process, in a line that has more to say. */
const WORDS_MAX = 400;

export function endFailure(how: string, why: 'final' | 'budget', directory: string): LockstepError {
  const wayOn = `lockstep train --resume ${quote(directory)} goes on`;
  return why === 'budget'
    ? new LockstepError('retry', `the coordinator ${how}`, `too often: see --max-coordinator-restarts; ${wayOn}`)
    : new LockstepError('internal', `the coordinator ${how}`, `this is a bug in lockstep, please report it; ${wayOn}`);
}

/** The configuration is written once, when the run begins; what is missing then is more than one file. */
export function isRemoved(directory: string, { kind }: LockstepError): boolean {
  return (kind === 'locked' || kind === 'io') && !existsSync(runPaths(directory).config);
}

export function removedFailure(directory: string, cause: LockstepError): LockstepError {
  const what = `the run directory ${directory} was removed, or its files, while the run went on`;
  return new LockstepError(cause.kind, what, 'put it back from a copy to go on, or begin a new run', { cause });
}

export function givenUpFailure(end: WorkerEnd, why: 'final' | 'budget' | 'start'): LockstepError {
  const { reason, unasked, code } = end;
  switch (why) {
    case 'final':
      return new LockstepError(kindOf(code), reason, 'starting it again would not help');
    case 'start': {
      const lastWords = lastLine(unasked);
      const words = lastWords === '' ? '' : `, saying "${printable(lastWords)}"`;
      const what = `${reason}, for the ${FAILED_STARTS_MAX}rd time in a row${words}`;
      return new LockstepError('unavailable', what, 'no worker was ever ready here: see lockstep doctor');
    }
    case 'budget': {
      const option = isPreemption(end) ? '--max-preemptions' : '--max-faults';
      const what = `${reason}; the budget of ${option} is used up`;
      return new LockstepError('retry', what, `see its log, or raise ${option}`);
    }
  }
}

/** What a worker ended with, or else the last line of its log; empty when there is none. */
function lastLine(unasked: WorkerEnd['unasked']): string {
  const line = unasked?.said === null ? unasked.log.at(-1) : unasked && `lockstep: ${unasked.said}`;
  return (line ?? '').slice(0, WORDS_MAX);
}

/** The kind of failure behind an exit code. */
function kindOf(code: number | null): ErrorKind {
  const kinds = Object.entries(EXIT_CODES).filter(([, value]) => value === code);
  const [kind] = kinds[0] ?? [];
  return kind === undefined || kind === 'done' ? 'internal' : (kind as ErrorKind);
}
