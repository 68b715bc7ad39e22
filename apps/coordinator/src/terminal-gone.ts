/**
 * A terminal that is closed while we run. Node sets each terminal it found at its start back to its old mode as it
 * exits, and aborts, with a core dump, when there is none any more. Such a process leaves by the signal that a closed
 * terminal sends, once everything else is done: nothing of Node runs after that.
 */
import { isatty } from 'node:tty';

const STANDARD_STREAMS = [0, 1, 2];

/** Call before anything is written. */
export function leaveQuietlyWithoutTerminal(): void {
  const terminals = STANDARD_STREAMS.filter((descriptor) => isatty(descriptor));
  if (terminals.length === 0) return;
  process.on('exit', () => {
    if (terminals.every((descriptor) => isatty(descriptor))) return;
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
    // Where SIGHUP is ignored, as below `nohup`.
    process.kill(process.pid, 'SIGKILL');
  });
}
