/**
 * Two kinds of failure. A `LockstepError` is something a user, a file or a peer can cause: one line that says what
 * and where, a hint that says what to do, and the exit code of the process. A broken `invariant` is a bug of ours:
 * it stops the process as `internal`, in production too, because a step computed on a broken assumption is worse
 * than no step.
 */

/** Exit code of every kind of end, after sysexits.h; listed in the README. */
export const EXIT_CODES = {
  done: 0,
  usage: 64,
  data: 65,
  unavailable: 69,
  internal: 70,
  locked: 73,
  io: 74,
  retry: 75,
  protocol: 76,
  unauthorised: 77,
  config: 78,
} as const;

export type ErrorKind = Exclude<keyof typeof EXIT_CODES, 'done'>;

/**
 * A failure with a cause outside our code.
 * @param kind decides the exit code
 * @param what one line: what went wrong and where (file, address, option), without a full stop
 * @param hint one line: what the reader can do about it
 */
export class LockstepError extends Error {
  static readonly errorName = 'LockstepError';
  override readonly name = LockstepError.errorName;
  readonly kind: ErrorKind;
  readonly hint: string;

  constructor(kind: ErrorKind, what: string, hint: string, options?: ErrorOptions) {
    super(what, options);
    this.kind = kind;
    this.hint = hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }

  /** The line a user sees: "what: what to do". */
  get line(): string {
    return this.hint === '' ? this.message : `${this.message}; ${this.hint}`;
  }
}

/** Throws an `internal` error when one of our own assumptions does not hold. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new LockstepError('internal', `broken invariant: ${message}`, 'this is a bug in lockstep, please report it');
  }
}

/** Wraps anything thrown, so that the outermost handler has one shape to print. */
export function toLockstepError(thrown: unknown): LockstepError {
  if (thrown instanceof LockstepError) return thrown;
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new LockstepError('internal', cause.message, 'this is a bug in lockstep, please report it', { cause });
}
