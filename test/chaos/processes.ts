/** The processes of one run, found as children of the one that was started here; nobody else's are ever touched. */
import { readdirSync, readFileSync } from 'node:fs';

interface ChildOfRun {
  readonly pid: number;
  readonly role: 'worker' | 'coordinator';
}

/** Living children of a supervisor, with what they were started as. */
export function childrenOf(supervisor: number): readonly ChildOfRun[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): ChildOfRun[] => {
      try {
        // After the name in brackets, which may hold anything: state, parent.
        const [state, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        if (Number(parent) !== supervisor || state === 'Z' || state === 'X') return [];
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return [{ pid: Number(name), role: words.includes('worker') ? 'worker' : 'coordinator' }];
      } catch {
        // It has ended while we were looking.
        return [];
      }
    });
}

/** Sends a signal to a process that may have ended a moment ago. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
