/**
 * Folders under construction or on their way out, named `.tmp-LABEL-PID-MARK-RANDOM`. Pid and mark (a hash of the
 * process's start time) say whose they are, so that what a killed process left behind can be told from what a living
 * one is writing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemDisk } from './disk.js';
import type { Disk } from './disk.js';
import { withIoErrors } from './io-error.js';
import { ownIdentity, processIdentity } from './process-identity.js';

const NAME = /^\.tmp-.+-([1-9][0-9]{0,9})-([0-9a-f]{8})-([0-9a-f]{12})$/;

/** Those of this process that are in use; any other of ours could not be removed when the disk refused. */
const inUse = new Set<string>();

/** A path in `folder` that nobody else uses, until `removeTemporary`; the folder itself is not made. */
export function temporaryPath(folder: string, label: string): string {
  const { pid, processStart } = ownIdentity();
  const name = `.tmp-${label}-${pid}-${mark(processStart)}-${randomBytes(6).toString('hex')}`;
  inUse.add(name);
  return join(folder, name);
}

/** Removes a temporary path. What the disk does not let go of now is removed by a later `removeLeftovers`. */
export async function removeTemporary(path: string, disk: Disk = systemDisk): Promise<void> {
  // A failure to clean up must not hide the one that matters.
  await disk.remove(path).catch(() => undefined);
  inUse.delete(basename(path));
}

/**
 * Removes what dead processes, and failures of this one, left in `folder`. What cannot be removed stays: it is in
 * nobody's way.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await withIoErrors('list', folder, () => readdir(folder))) {
    const [, pid, ownerMark] = NAME.exec(name) ?? [];
    if (pid === undefined || ownerMark === undefined || inUse.has(name)) continue;
    const owner = Number(pid) === process.pid ? null : processIdentity(Number(pid));
    if (owner !== null && mark(owner.processStart) === ownerMark) continue;
    await systemDisk.remove(join(folder, name)).catch(() => undefined);
  }
}

function mark(processStart: string | null): string {
  return createHash('sha256').update(processStart ?? '').digest('hex').slice(0, 8);
}
