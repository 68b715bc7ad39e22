/** A command behind its name: loaded when it is called, for most of them need a library that takes long to load. */
import type { ArgumentsCamelCase, Argv } from 'yargs';

export interface CommandBody {
  readonly builder: (cli: Argv) => Argv;
  readonly handler: (argv: ArgumentsCamelCase) => void | Promise<void>;
}
