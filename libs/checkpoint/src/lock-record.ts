/** What a lock file says: who holds it. Malformed content is never taken for a free lock. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { LockstepError } from '@lockstep/config';
import { z } from 'zod';
import { errorCode, ioError } from './io-error.js';
import { isSameProcess } from './process-identity.js';

const recordSchema = z.object({
  pid: z.int().positive(),
  host: z.string().min(1),
  processStart: z.string().nullable(),
  /** Random; tells two locks of one process apart. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
});

export type LockRecord = z.infer<typeof recordSchema>;

/** Reads a lock file; null when there is none. */
export async function readLockRecord(path: string): Promise<LockRecord | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return null;
    throw ioError('read the lock', path, thrown);
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    const hint = 'delete it if no lockstep process uses that run directory';
    throw new LockstepError('locked', `${path} is not a lock that lockstep wrote`, hint);
  }
}

/**
 * True while the holder may be alive. A holder on another host may always be: only a person can know that the host is
 * gone. A container that is restarted keeps its host name and starts its processes anew, so its old lock counts as
 * dead.
 */
export function mayBeHeld(record: LockRecord): boolean {
  return record.host !== hostname() || isSameProcess(record);
}
