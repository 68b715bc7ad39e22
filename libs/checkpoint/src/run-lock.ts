/**
 * One process at a time may write to a run directory. `lock.json` appears whole, as a hard link to a finished file,
 * so nobody ever reads half a lock. A lock whose process is dead is replaced, and by one contender only: whoever
 * creates the claim file named after the dead lock's token. A lock with that token never comes back, so the winner
 * can replace it without a race; a claim whose process died is itself claimed in the same way.
 */
import { randomBytes } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LockstepError } from '@lockstep/config';
import { makeDirectory, writeNewFile } from './atomic-write.js';
import { errorCode, ioError, withIoErrors } from './io-error.js';
import { jsonText } from './json-file.js';
import { LOCK_CLAIM_CHAIN_MAX, LOCK_TAKEOVER_DEADLINE_MS } from './limits.js';
import { mayBeHeld, readLockRecord } from './lock-record.js';
import type { LockRecord } from './lock-record.js';
import { ownIdentity } from './process-identity.js';
import { runPaths } from './run-paths.js';

const RETRY_MS = 10;

export interface RunLock {
  readonly path: string;
  /**
   * Makes sure that the lock is still this one: a person may have deleted it while this process was suspended, and
   * another process may have taken it since.
   * @throws LockstepError 'locked' naming who holds it now
   */
  assertHeld(): Promise<void>;
  /** Removes the lock if it is still this one; may be called again. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a run directory, which is made if missing.
 * @throws LockstepError 'locked' naming process and host that hold it
 */
export async function acquireRunLock(runDirectory: string): Promise<RunLock> {
  await makeDirectory(runDirectory);
  const path = runPaths(runDirectory).lock;
  const token = randomBytes(16).toString('hex');
  const record: LockRecord = { ...ownIdentity(), host: hostname(), token };
  const finished = join(runDirectory, `.lock.${token}.tmp`);
  try {
    await writeNewFile(finished, [new TextEncoder().encode(jsonText(record))], path);
    await contend(path, finished);
  } finally {
    await rm(finished, { force: true }).catch(() => undefined);
  }
  return { path, assertHeld: () => assertHeld(path, token), release: () => release(path, token) };
}

async function contend(path: string, finished: string): Promise<void> {
  const deadlineMs = performance.now() + LOCK_TAKEOVER_DEADLINE_MS;
  while (performance.now() < deadlineMs) {
    if (await tryLink(finished, path)) return;
    const holder = await readLockRecord(path);
    if (holder === null) continue;
    if (mayBeHeld(holder)) throw lockedBy(path, holder);
    if (await takeOver(path, holder, finished)) return;
    await pause(RETRY_MS);
  }
  const hint = 'try again, or stop that process';
  throw new LockstepError('locked', `${path} is being taken over by another process`, hint);
}

/** Replaces a dead lock; false when another contender is about to, or did. */
async function takeOver(path: string, dead: LockRecord, finished: string): Promise<boolean> {
  const claims = await claim(dirname(path), dead.token, finished);
  const own = claims.at(-1);
  if (own === undefined) return false;
  let moot = [own];
  try {
    const current = await readLockRecord(path);
    const isDeadStill = current?.token === dead.token;
    if (isDeadStill) await withIoErrors('replace the lock', path, () => rename(finished, path));
    // The dead lock is gone for good, and with it the sense of every claim to it.
    moot = claims;
    return isDeadStill;
  } finally {
    await Promise.all(moot.map((claimPath) => rm(claimPath, { force: true })));
  }
}

/** The chain of claims to a dead token, the last one ours; empty when another living process has it. */
async function claim(folder: string, token: string, finished: string): Promise<string[]> {
  const chain: string[] = [];
  let wanted = token;
  while (chain.length < LOCK_CLAIM_CHAIN_MAX) {
    const claimPath = join(folder, `.lock-claim-${wanted}`);
    chain.push(claimPath);
    if (await tryLink(finished, claimPath)) return chain;
    const claimer = await readLockRecord(claimPath);
    if (claimer === null || mayBeHeld(claimer)) return [];
    wanted = claimer.token;
  }
  return [];
}

async function tryLink(finished: string, path: string): Promise<boolean> {
  try {
    await link(finished, path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false;
    throw ioError('make the lock', path, thrown);
  }
}

async function assertHeld(path: string, token: string): Promise<void> {
  const current = await readLockRecord(path);
  if (current?.token === token) return;
  const now = current === null ? 'nobody holds it now' : `process ${current.pid} on host ${current.host} holds it now`;
  const hint = 'another coordinator has taken the run over, or somebody removed the lock; nothing more is written';
  throw new LockstepError('locked', `this process has lost ${path}: ${now}`, hint);
}

async function release(path: string, token: string): Promise<void> {
  const current = await readLockRecord(path);
  if (current?.token !== token) return;
  await withIoErrors('remove the lock', path, () => rm(path, { force: true }));
}

function lockedBy(path: string, holder: LockRecord): LockstepError {
  const isHere = holder.host === hostname();
  const hint = isHere ? 'wait for it or stop it' : `stop it there; if that host is gone, delete ${path}`;
  return new LockstepError('locked', `${path} is held by process ${holder.pid} on host ${holder.host}`, hint);
}
