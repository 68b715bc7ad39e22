/**
 * `lockstep engine install`: gets the native engine into the cache folder, once for all checkouts of this machine.
 */
import { installEngine } from '@lockstep/engine';
import type { CommandModule } from 'yargs';
import type { CommandBody } from './command-body.js';

const installCommand: CommandModule = {
  command: 'install [name]',
  describe: 'Install a native engine',
  builder: (cli) =>
    cli
      .positional('name', {
        choices: ['onednn', 'tensorflow'],
        describe: 'Which one; by default the fastest for the device',
      })
      .option('gpu', { type: 'boolean', default: false, describe: 'TensorFlow with CUDA, for NVIDIA cards' }),
  handler: async (argv) => {
    const { name } = argv;
    const found = await installEngine({
      ...(name === 'onednn' || name === 'tensorflow' ? { engine: name } : {}),
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
