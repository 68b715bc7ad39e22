/**
 * Entry point of the `lockstep` command: runs one command and turns whatever it throws into one line and an exit
 * code.
 */
import { LockstepError, toLockstepError } from '@lockstep/config';
import { hideBin } from 'yargs/helpers';
import { runCommand } from './cli.js';
import { leaveQuietlyWithoutTerminal } from './terminal-gone.js';
import { printable } from './views/printable.js';

function explain(thrown: unknown): number {
  const error = toLockstepError(thrown);
  process.stderr.write(`lockstep: ${printable(error.line)}\n`);
  if (error.kind === 'internal') process.stderr.write(`${causeOf(error)}\n`);
  return error.exitCode;
}

function causeOf(error: Error): string {
  return (error.cause instanceof Error ? error.cause.stack : error.stack) ?? '';
}

/**
 * A reader that goes away (`lockstep sample | head`) is no failure of ours, a full disk is. A run in progress has a
 * listener of its own and ends well first.
 */
function onOutputError(error: NodeJS.ErrnoException): void {
  const isRunning = process.stdout.listenerCount('error') > 1;
  if (error.code !== 'EPIPE' && error.code !== 'EIO') {
    const failure = new LockstepError(
      'io',
      `cannot write standard output: ${error.message}`,
      'make room, or write elsewhere',
    );
    outputFailure ??= explain(failure);
  }
  if (!isRunning) process.exit(outputFailure);
}

/** Exit code of what went wrong with standard output. */
let outputFailure: number | undefined;
leaveQuietlyWithoutTerminal();
process.stdout.on('error', onOutputError);
// A terminal that was closed takes no more errors either.
process.stderr.on('error', () => undefined);

try {
  await runCommand(hideBin(process.argv));
  process.exitCode ??= outputFailure;
} catch (thrown) {
  process.exitCode = explain(thrown);
}
