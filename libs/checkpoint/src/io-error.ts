/**
 * System call errors in words. A user who sees `ENOSPC` has to look it up; one who sees which path, why and what to
 * do does not.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';

const EXPLANATIONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOSPC: ['no space is left on that file system', 'free some space there, or put the run directory elsewhere'],
  EDQUOT: ['the disk quota is used up', 'free some space there, or put the run directory elsewhere'],
  EFBIG: ['the file would be larger than this process may write', 'raise the file size limit (ulimit -f)'],
  EROFS: ['that file system is read-only', 'mount it writable, or put the run directory elsewhere'],
  EACCES: ['permission denied', 'check owner and mode of that path and of its parent folders'],
  EPERM: ['the operation is not permitted', 'check owner and mode of that path, and that its file system allows this'],
  ENOENT: ['there is no such file or folder', 'check the path'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'check the path'],
  EISDIR: ['it is a folder, not a file', 'check the path'],
  EEXIST: ['it exists already', 'choose another path, or move the old one away'],
  EMFILE: ['this process has too many open files', 'raise the limit on open files (ulimit -n)'],
  EIO: ['the device reported a fault', 'check the disk; do not trust what was written last'],
};

/** The code of a system call error (`ENOENT`), or undefined for anything else. */
export function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('syscall' in thrown) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/**
 * Turns what a file operation threw into a LockstepError 'io'; a LockstepError passes, anything else is a bug of ours.
 * @param action a verb phrase: "write", "read the journal"
 */
export function ioError(action: string, path: string, thrown: unknown): LockstepError {
  const code = errorCode(thrown);
  if (code === undefined) return toLockstepError(thrown);
  const [reason, hint] = EXPLANATIONS[code] ?? ['the system call failed', 'check the disk and the path'];
  return new LockstepError('io', `cannot ${action} ${path}: ${reason} (${code})`, hint, { cause: thrown });
}

/** Runs a file operation; what it throws comes out through `ioError`. */
export async function withIoErrors<T>(action: string, path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (thrown) {
    throw ioError(action, path, thrown);
  }
}
