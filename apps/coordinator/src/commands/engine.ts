/**
 * `lockstep engine install`: gets the native engine into the cache folder, once for all checkouts of this machine.
 */
import { installEngine } from '@lockstep/engine';
import type { CommandModule } from 'yargs';
import type { CommandBody } from './command-body.js';

const installCommand: CommandModule = {
  command: 'install',
  describe: 'Install the native TensorFlow engine',
  builder: (cli) => cli.option('gpu', { type: 'boolean', default: false, describe: 'With CUDA, for NVIDIA cards' }),
  handler: async (argv) => {
    const found = await installEngine({
      gpu: argv['gpu'] === true,
      onProgress: (line) => process.stdout.write(`${line}\n`),
    });
    process.stdout.write(`${found.name} ${found.version} is ready in ${found.folder}\n`);
  },
};

export const engineCommand: CommandBody = {
  builder: (cli) => cli.command(installCommand).demandCommand(1, 'say what to do with the engine: install'),
  handler: () => undefined,
};
