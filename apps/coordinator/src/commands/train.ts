/** `lockstep train`: coordinates a run, with workers of its own or from other machines. */
import { TRAIN_OPTIONS } from '@lockstep/config';
import { randomUUID } from 'node:crypto';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { CoordinatorChild } from '../supervise/coordinator-child.js';
import type { CommandBody } from './command-body.js';

export const trainCommand: CommandBody = {
  builder: (cli) =>
    cli
      .options(yargsOptions(TRAIN_OPTIONS))
      .option('config', {
        type: 'string',
        requiresArg: true,
        describe: 'JSON file with options; command line and LOCKSTEP_... variables win',
      })
      .example('$0 train', 'two local workers, a novel that comes along')
      .example('$0 train --text a.txt b.txt --preset tutorial --steps 300', 'your own texts, the tutorial model')
      .example(
        '$0 train --workers 0 --min-workers 4 --bind tcp://0.0.0.0:5555',
        'wait for four workers from other machines',
      )
      .example('$0 train --resume runs/mine', 'go on with a run, exactly where it ended')
      .example('LOCKSTEP_SEED=7 $0 train --shards 4 --workers 2', 'options may come from the environment'),
  handler: async (argv) => {
    const given = await gatherValues(TRAIN_OPTIONS, argv, process.env);
    // The coordinator boots while this process loads what it needs itself.
    const early = given.resume === undefined ? new CoordinatorChild(randomUUID()) : undefined;
    try {
      const { train } = await import('../supervise/train.js');
      await train(given, early);
    } finally {
      await early?.end();
    }
  },
};
