/**
 * Entry point of the `lockstep` command: runs one command and turns whatever it throws into one line and an exit
 * code.
 */
import { toLockstepError } from '@lockstep/config';
import { hideBin } from 'yargs/helpers';
import { createCli } from './cli.js';

function explain(thrown: unknown): number {
  const error = toLockstepError(thrown);
  process.stderr.write(`lockstep: ${error.line}\n`);
  if (error.kind === 'internal') process.stderr.write(`${causeOf(error)}\n`);
  return error.exitCode;
}

function causeOf(error: Error): string {
  return (error.cause instanceof Error ? error.cause.stack : error.stack) ?? '';
}

// A reader that goes away (`lockstep sample | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
});

try {
  await createCli(hideBin(process.argv)).parseAsync();
} catch (thrown) {
  process.exitCode = explain(thrown);
}
