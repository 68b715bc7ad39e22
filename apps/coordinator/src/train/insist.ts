/**
 * What a coordinator writes before it leads. A run that goes on may have workers that wait for it with the weights: a
 * disk that refuses is waited for, as the journal waits for it, until the user has enough of it.
 */
import { retryOnTrouble, runPaths } from '@lockstep/checkpoint';
import { LockstepError, invariant } from '@lockstep/config';
import { existsSync } from 'node:fs';
import type { RunView } from './events.js';
import { quote } from './quote.js';

/**
 * Runs an operation until the disk takes it.
 * @param stop aborted when nobody waits any longer
 * @throws LockstepError 'io' when the disk has refused for too long, or until the user stopped; any other kind at once
 */
export async function insist<T>(operation: () => Promise<T>, view: RunView, stop: AbortSignal): Promise<T> {
  const results: { readonly value: T }[] = [];
  await retryOnTrouble(async () => void results.push({ value: await operation() }), {
    signal: stop,
    onTrouble: ({ line }) =>
      view.show({ event: 'warning', text: `${line}; the run waits for it, and it is tried again` }),
    onRecovered: () => view.show({ event: 'notice', text: 'the run directory is written again' }),
  });
  const [result] = results;
  invariant(result !== undefined, 'what was tried until it went well has a result');
  return result.value;
}

/** A failure of the disk, with the way to go on once it is mended, where there is a run to go on with. */
export function withWayOn(thrown: unknown, directory: string): unknown {
  const command = `lockstep train --resume ${quote(directory)}`;
  const isDisk = thrown instanceof LockstepError && thrown.kind === 'io';
  if (!isDisk || thrown.hint.includes(command) || !existsSync(runPaths(directory).config)) return thrown;
  return new LockstepError('io', thrown.message, `${thrown.hint}; then go on with: ${command}`, {
    cause: thrown.cause,
  });
}
