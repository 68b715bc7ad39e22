/** The command line: one module a command, nothing but parsing here. */
import { LockstepError } from '@lockstep/config';
import yargs from 'yargs';
import type { Argv } from 'yargs';
import { doctorCommand } from './commands/doctor.js';
import { engineCommand } from './commands/engine.js';
import { evaluateCommand } from './commands/evaluate.js';
import { inspectCommand } from './commands/inspect.js';
import { sampleCommand } from './commands/sample.js';
import { statusCommand } from './commands/status.js';
import { stopCommand } from './commands/stop.js';
import { trainCommand } from './commands/train.js';
import { workerCommand } from './commands/worker.js';
import { softwareVersion } from './version.js';

const HELP_COLUMNS_MAX = 110;

/** @param argv arguments after the program's name */
export function createCli(argv: readonly string[]): Argv {
  return yargs([...argv])
    .scriptName('lockstep')
    .usage('$0 <command>\n\nDistributed data-parallel training for TensorFlow.js: a fault never changes the result.')
    .parserConfiguration({ 'duplicate-arguments-array': true, 'greedy-arrays': true, 'boolean-negation': false })
    .command(trainCommand)
    .command(workerCommand)
    .command(sampleCommand)
    .command(evaluateCommand)
    .command(inspectCommand)
    .command(statusCommand)
    .command(stopCommand)
    .command(doctorCommand)
    .command(engineCommand)
    .completion('completion', 'Print a script for bash or zsh that completes commands and options')
    .example('$0 train', 'train on a novel with two local workers')
    .example('$0 train --text book.txt --preset small', 'train on a text of your own')
    .example('$0 sample --checkpoint runs/RUN --length 300', 'let a trained model write')
    .demandCommand(1, 'no command given')
    .strict()
    .recommendCommands()
    .version(softwareVersion())
    .alias({ help: 'h', version: 'V' })
    .wrap(Math.min(HELP_COLUMNS_MAX, process.stdout.columns || HELP_COLUMNS_MAX))
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof Error && error.name !== 'YError') throw error;
      throw new LockstepError('usage', oneLine(message), 'see lockstep --help, or lockstep COMMAND --help');
    });
}

/** yargs' message on one line; unknown options are named once, not in both spellings. */
function oneLine(message: string | null): string {
  const text = (message ?? 'the arguments are not understood').replaceAll(/\s*\n\s*/g, ' ').trim();
  const [, list] = /^Unknown arguments?: (.*)$/.exec(text) ?? [];
  if (list === undefined) return text;
  const names = list.split(', ');
  const twice = new Set(names.filter((name) => name.includes('-')).map(camelCase));
  return `unknown: ${names.filter((name) => !twice.has(name)).join(', ')}`;
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-+(.)/g, (_, letter: string) => letter.toUpperCase());
}
