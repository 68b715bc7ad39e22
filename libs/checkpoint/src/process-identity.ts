/**
 * Which process a pid meant. Pids are recycled, so a pid alone may name an innocent process by the time somebody
 * signals it or trusts its lock; a pid together with its start time does not. On Linux that is field 22 of
 * /proc/PID/stat (ticks since boot) with the boot id; elsewhere only whether some process has the pid.
 */
import { readFileSync } from 'node:fs';
import { invariant } from '@lockstep/config';
import { errorCode } from './io-error.js';

export interface ProcessIdentity {
  readonly pid: number;
  /** Boot id and start time; null where the system does not tell. */
  readonly processStart: string | null;
}

/** States of a process that is dead already and only waits for its parent to notice. */
const DEAD_STATES: ReadonlySet<string | undefined> = new Set(['Z', 'X', 'x']);

/** Fields of /proc/PID/stat, counted from the state, which follows the name in parentheses. */
const START_TIME_AFTER_STATE = 19;

/** The identity of a living process, or null when no process has that pid. */
export function processIdentity(pid: number): ProcessIdentity | null {
  invariant(Number.isSafeInteger(pid) && pid > 0, `${pid} is a process id`);
  if (process.platform !== 'linux') return answersSignals(pid) ? { pid, processStart: null } : null;
  let stat: string;
  let bootId: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Other users' processes may be hidden in /proc, and still be there.
    return answersSignals(pid) ? { pid, processStart: null } : null;
  }
  // The name may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (DEAD_STATES.has(fields[0])) return null;
  return { pid, processStart: `${bootId}/${fields[START_TIME_AFTER_STATE]}` };
}

/** True while the very process that had this identity lives; where a start time is unknown, the pid decides. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = processIdentity(identity.pid);
  if (now === null) return false;
  if (now.processStart === null || identity.processStart === null) return true;
  return now.processStart === identity.processStart;
}

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return processIdentity(process.pid) ?? { pid: process.pid, processStart: null };
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errorCode(thrown) === 'EPERM';
  }
}
