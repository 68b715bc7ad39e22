/**
 * Failures of the tools themselves: what went wrong, what to do about it, and the exit code, the same table as the
 * command line's own (which cannot be imported before it is built).
 */
import { basename } from 'path';

export const EXIT = { usage: 64, unavailable: 69, internal: 70, io: 74, retry: 75, config: 78 };

const SHOWN_LINES = 20;

/** A failure with a cause outside the tools; of `details`, the output of the command that failed, the end is shown. */
export class Failure extends Error {
  /**
   * @param {number} exitCode
   * @param {string} what
   * @param {string} hint
   * @param {string} [details]
   */
  constructor(exitCode, what, hint, details = '') {
    super(what);
    this.exitCode = exitCode;
    this.hint = hint;
    this.details = details;
  }
}

/** What the output of a failed command usually means; the first pattern that matches wins. */
const causes = [
  { pattern: /ENOSPC|no space left/i, exitCode: EXIT.io, hint: 'the disk is full: free some space and try again' },
  {
    pattern: /EACCES|EPERM|EROFS|permission denied/i,
    exitCode: EXIT.io,
    hint: 'a folder may not be written to: run as the owner of this folder, and check the npm cache folder',
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network/i,
    exitCode: EXIT.unavailable,
    hint: 'the package registry cannot be reached: check the network, and the proxy and registry settings of npm',
  },
  {
    pattern: /CERT_|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/,
    exitCode: EXIT.unavailable,
    hint: 'the certificate of the registry is not trusted: name its authority in NODE_EXTRA_CA_CERTS',
  },
  {
    pattern: /\bE40[0-9]\b|\bE5\d\d\b/,
    exitCode: EXIT.unavailable,
    hint: 'the package registry refused: check the registry settings of npm, or try again later',
  },
  {
    pattern: /EUSAGE|in sync/,
    exitCode: EXIT.config,
    hint: 'package.json and package-lock.json differ: run `npm install` and commit the lockfile',
  },
];

/**
 * The failure that an errno code or the output of a command stands for.
 * @param {string} what
 * @param {string} output
 * @param {string} otherwise the hint when nothing is recognised
 */
export function explain(what, output, otherwise) {
  const cause = causes.find(({ pattern }) => pattern.test(output));
  return new Failure(cause?.exitCode ?? EXIT.internal, what, cause?.hint ?? otherwise, output);
}

/**
 * Prints a failure: the details, then one line that says what and what to do.
 * @param {unknown} thrown
 * @returns {number} the exit code
 */
export function printFailure(thrown) {
  const failure = toFailure(thrown);
  const lines = failure.details.trimEnd().split('\n').slice(-SHOWN_LINES);
  if (failure.details !== '') process.stderr.write(`${lines.join('\n')}\n`);
  process.stderr.write(`lockstep: ${failure.message}; ${failure.hint}\n`);
  return failure.exitCode;
}

/**
 * A refusal of the system (a full disk, say) has its cause in its code, and so has an option that nobody knows;
 * anything else is a bug and shows its stack.
 * @param {unknown} thrown
 */
function toFailure(thrown) {
  if (thrown instanceof Failure) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if ('syscall' in error) {
    const { exitCode, hint } = explain('', error.message, 'that is what the system says');
    return new Failure(exitCode, error.message, hint);
  }
  if ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    const [what = ''] = error.message.split(/\. |\n/);
    const tool = basename(process.argv[1] ?? '');
    return new Failure(EXIT.usage, what, `the first lines of tools/${tool} say what it takes`);
  }
  return new Failure(EXIT.internal, 'a tool broke', 'this is a bug in lockstep, please report it', error.stack ?? '');
}
