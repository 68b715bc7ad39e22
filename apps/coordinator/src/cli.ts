/** The command line: one module a command, nothing but parsing here. */
import { LockstepError } from '@lockstep/config';
import yargs from 'yargs';
import type { Argv, CommandModule } from 'yargs';
import type { CommandBody } from './commands/command-body.js';
import { softwareVersion } from './version.js';

const HELP_COLUMNS_MAX = 110;

/** Every command: its words, what it is for, and where its body is. `false`: no user calls it. */
const COMMANDS: readonly CommandModule[] = [
  lazily('train', 'Train a character model on a text', async () => (await import('./commands/train.js')).trainCommand),
  lazily(
    'worker',
    'Compute for a run that a coordinator leads',
    async () => (await import('./commands/worker.js')).workerCommand,
  ),
  lazily('sample', 'Generate text from a checkpoint', async () => (await import('./commands/sample.js')).sampleCommand),
  lazily(
    'evaluate',
    'Take the loss of a checkpoint on a text',
    async () => (await import('./commands/evaluate.js')).evaluateCommand,
  ),
  lazily(
    'inspect <directory>',
    'Show and verify a checkpoint, or the last good one of a run',
    async () => (await import('./commands/inspect.js')).inspectCommand,
  ),
  lazily('status [run]', 'Show how a run stands', async () => (await import('./commands/status.js')).statusCommand),
  lazily(
    'view [run]',
    'Show a run in the browser, from its files, also when it is over',
    async () => (await import('./commands/view.js')).viewCommand,
  ),
  lazily(
    'compare <runs..>',
    'Compare the loss curves of runs, on the terminal or as a page',
    async () => (await import('./commands/compare.js')).compareCommand,
  ),
  lazily(
    'logs [process..]',
    'Show what the processes of a run have said',
    async () => (await import('./commands/logs.js')).logsCommand,
  ),
  lazily(
    'stop [run]',
    'End a run after its running step, with a checkpoint',
    async () => (await import('./commands/stop.js')).stopCommand,
  ),
  lazily(
    'scale <workers> [run]',
    'Change the number of local workers of a running run',
    async () => (await import('./commands/control.js')).scaleCommand,
  ),
  lazily(
    'drain <worker> [run]',
    'Let a worker of a running run finish what it has and go',
    async () => (await import('./commands/control.js')).drainCommand,
  ),
  lazily(
    'reshard <shards> [run]',
    'Cut the batches of a running run into another number of shards, from the next step on',
    async () => (await import('./commands/control.js')).reshardCommand,
  ),
  lazily(
    'monitor [run]',
    'Watch a run with a local Prometheus',
    async () => (await import('./commands/monitor.js')).monitorCommand,
  ),
  lazily(
    'bench',
    'Measure engines, memory and network of this machine',
    async () => (await import('./commands/bench.js')).benchCommand,
  ),
  lazily('doctor', 'Check this machine', async () => (await import('./commands/doctor.js')).doctorCommand),
  lazily(
    'engine',
    'Manage the engine that runs the tensor maths',
    async () => (await import('./commands/engine.js')).engineCommand,
  ),
  lazily('coordinator', false, async () => (await import('./commands/coordinator.js')).coordinatorCommand),
];

/** A command whose body is loaded when it is called: most need a library that takes long to load. */
function lazily(command: string, describe: string | false, load: () => Promise<CommandBody>): CommandModule {
  return {
    command,
    describe,
    builder: async (cli: Argv) => (await load()).builder(cli),
    handler: async (argv) => (await load()).handler(argv),
  };
}

/**
 * Runs one command.
 * @param argv arguments after the program's name
 * @throws LockstepError `usage` for arguments that are not understood, or whatever ended the command
 */
export async function runCommand(argv: readonly string[]): Promise<void> {
  try {
    await createCli(argv).parseAsync();
  } catch (thrown) {
    // What yargs refuses only after the body of a command was loaded does not come by `fail`.
    throw thrown instanceof Error && thrown.name === 'YError' ? misunderstood(thrown.message) : thrown;
  }
}

function createCli(argv: readonly string[]): Argv {
  return yargs([...argv])
    .scriptName('lockstep')
    .usage('$0 <command>\n\nDistributed data-parallel training for TensorFlow.js: a fault never changes the result.')
    .parserConfiguration({ 'duplicate-arguments-array': true, 'greedy-arrays': true, 'boolean-negation': false })
    .command([...COMMANDS])
    .completion('completion', 'Print a script for bash or zsh that completes commands and options')
    .example('$0 train', 'train on a novel with two local workers')
    .example('$0 train --text book.txt --preset small', 'train on a text of your own')
    .example('$0 train --resume runs/RUN', 'go on with a run that was interrupted')
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
      throw misunderstood(message);
    });
}

function misunderstood(message: string | null): LockstepError {
  return new LockstepError('usage', oneLine(message), 'see lockstep --help, or lockstep COMMAND --help');
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
