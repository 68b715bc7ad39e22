/** Turns the last words of pip, Python or the compiler into one line that says what to do. */

import { LockstepError } from '@lockstep/config';

import type { ChildEnd } from './child.js';

interface Known {
  readonly pattern: RegExp;
  readonly what: string;
  readonly advice: string;
}

const NETWORK = {
  what: 'the package index cannot be reached',
  advice: 'check the network and the proxy and index settings of pip (pip config list)',
} as const;

/** First match wins: a full disk or a wrong hash may drag a vaguer complaint behind it. */
const KNOWN: readonly Known[] = [
  {
    pattern: /No space left on device|Disk quota exceeded|not enough space/i,
    what: 'the disk is full',
    advice: 'free some space, or set LOCKSTEP_CACHE to a folder with room',
  },
  {
    pattern: /DO NOT MATCH THE HASHES|hash mismatch|Expected sha256/i,
    what: 'the package index served another file than the one that lockstep pins',
    advice: 'check which index pip uses (pip config list) and try again',
  },
  {
    pattern: /connection (?:refused|reset|aborted|broken)|NewConnectionError|ConnectionError|unreachable|timed out/i,
    ...NETWORK,
  },
  {
    pattern: /name resolution|NameResolutionError|not known|ProxyError|SSLError|max retries/i,
    ...NETWORK,
  },
  {
    pattern: /No matching distribution|Could not find a version/i,
    what: 'the package index does not offer the wheel that lockstep pins',
    advice: 'check the index settings of pip (pip config list) and that pip is not older than version 20',
  },
  {
    pattern: /no such option/i,
    what: 'this pip is too old',
    advice: 'update it (python3 -m pip install --upgrade pip)',
  },
];

/**
 * Describes a failed step of an install; the child's last lines are the error's cause.
 * @param what the step, for example `fetching TensorFlow by pip`
 */
export function explainFailure(what: string, end: ChildEnd, folder: string, deadlineMs: number): LockstepError {
  const text = end.tail.join('\n');
  const options = { cause: new Error(text === '' ? end.how : text) };
  const orWasm = 'or go on with the wasm engine';
  if (end.how === 'aborted') {
    return new LockstepError('unavailable', `${what} was interrupted`, 'start it again', options);
  }
  if (end.how === 'deadline') {
    const late = `${what} took more than ${Math.round(deadlineMs / 60_000)} minutes`;
    return new LockstepError('unavailable', late, `try again, ${orWasm}`, options);
  }
  const known = KNOWN.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) {
    return new LockstepError(
      'unavailable',
      `${what} failed in ${folder}: ${known.what} (${tellingLine(end.tail)})`,
      `${known.advice}, ${orWasm}`,
      options,
    );
  }
  return new LockstepError(
    'unavailable',
    `${what} failed in ${folder}: ${tellingLine(end.tail)}`,
    `the lines before it tell more; mend that and try again, ${orWasm}`,
    options,
  );
}

/** The last line that speaks of an error, else the last line. */
function tellingLine(tail: readonly string[]): string {
  const telling = [...tail].reverse().find((line) => /error|fatal|cannot|not found/i.test(line));
  return (telling ?? tail.at(-1) ?? 'it said nothing').trim();
}
