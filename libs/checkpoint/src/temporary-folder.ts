/**
 * Folders under construction or on their way out, named `.tmp-LABEL-PID-MARK-RANDOM`. Pid and mark (a hash of the
 * process's start time) say whose they are, so that what a killed process left behind can be told from what a living
 * one is writing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withIoErrors } from './io-error.js';
import { ownIdentity, processIdentity } from './process-identity.js';

const NAME = /^\.tmp-.+-([1-9][0-9]{0,9})-([0-9a-f]{8})-([0-9a-f]{12})$/;

/** A path in `folder` that nobody else uses; the folder itself is not made. */
export function temporaryPath(folder: string, label: string): string {
  const { pid, processStart } = ownIdentity();
  return join(folder, `.tmp-${label}-${pid}-${mark(processStart)}-${randomBytes(6).toString('hex')}`);
}

/** Removes what dead processes left in `folder`. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await withIoErrors('list', folder, () => readdir(folder))) {
    const [, pid, ownerMark] = NAME.exec(name) ?? [];
    if (pid === undefined || ownerMark === undefined) continue;
    const owner = processIdentity(Number(pid));
    if (owner !== null && mark(owner.processStart) === ownerMark) continue;
    const path = join(folder, name);
    await withIoErrors('remove', path, () => rm(path, { recursive: true, force: true }));
  }
}

function mark(processStart: string | null): string {
  return createHash('sha256').update(processStart ?? '').digest('hex').slice(0, 8);
}
