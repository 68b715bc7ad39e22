/**
 * A disk that refuses may take writes again: somebody frees space, mounts it writable, plugs the cable back in. What
 * it refused is tried again with growing pauses, and said once, not at every attempt.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import pRetry from 'p-retry';
import { JOURNAL_TROUBLE_LIMIT_MS, RETRY_FIRST_MS, RETRY_LAST_MS } from './limits.js';

export interface RetryTimes {
  /** Pause after the first failure; doubles with each one. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** From the first attempt on; the last failure after that is final. */
  readonly limitMs: number;
}

/** For what holds the run up. */
const TIMES: RetryTimes = { firstMs: RETRY_FIRST_MS, lastMs: RETRY_LAST_MS, limitMs: JOURNAL_TROUBLE_LIMIT_MS };

export interface RetryOptions {
  /** Those of the journal when not given. */
  readonly times?: RetryTimes;
  /** Gives up waiting, not trying: once aborted there is one attempt. A success at the same moment counts. */
  readonly signal?: AbortSignal;
  /** Called at the first failure that will be tried again. */
  readonly onTrouble: (trouble: LockstepError) => void;
  /** Called when the operation has succeeded after all. */
  readonly onRecovered: () => void;
}

/**
 * Runs an operation until the disk takes it.
 * @param operation gets the number of the attempt, from 1
 * @throws LockstepError what the operation threw: 'io' when the disk refused for too long, any other kind at once
 */
export async function retryOnTrouble(
  operation: (attempt: number) => Promise<void>,
  { times = TIMES, signal, onTrouble, onRecovered }: RetryOptions,
): Promise<void> {
  const isAborted = (): boolean => signal?.aborted === true;
  if (isAborted()) return operation(1);
  let trouble: LockstepError | null = null;
  let isDone = false;
  // An abort says why by an error of any kind: it is no refusal of the disk, and nothing that is tried again.
  const isTrouble = (error: Error): error is LockstepError =>
    error !== signal?.reason && error instanceof LockstepError && error.kind === 'io';
  try {
    await pRetry(
      async (attempt) => {
        await operation(attempt);
        isDone = true;
      },
      {
        retries: Infinity,
        minTimeout: times.firstMs,
        maxTimeout: times.lastMs,
        maxRetryTime: times.limitMs,
        signal,
        onFailedAttempt: ({ error }) => {
          if (!isTrouble(error)) return;
          if (trouble === null) onTrouble(error);
          trouble = error;
        },
        shouldRetry: ({ error }) => isTrouble(error),
      },
    );
  } catch (thrown) {
    // An abort while the last attempt succeeds makes no failure of it; one during a pause leaves the last trouble.
    if (!isDone) throw isAborted() && trouble !== null ? trouble : toLockstepError(thrown);
  }
  if (trouble !== null) onRecovered();
}
