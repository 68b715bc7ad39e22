/** `lockstep train`: coordinates a run, with workers of its own or from other machines. */
import { TRAIN_OPTIONS, setOrDefault } from '@lockstep/config';
import type { CommandModule } from 'yargs';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { chooseEngine } from '../train/choose-engine.js';
import { planRun } from '../train/plan-run.js';
import { trainRun } from '../train/train-run.js';
import { chooseView } from '../views/choose-view.js';

export const trainCommand: CommandModule = {
  command: 'train',
  describe: 'Train a character model on a text',
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
      .example('LOCKSTEP_SEED=7 $0 train --shards 4 --workers 2', 'options may come from the environment'),
  handler: async (argv) => {
    const values = await gatherValues(TRAIN_OPTIONS, argv, process.env);
    const view = chooseView({ json: setOrDefault(values, 'json'), quiet: setOrDefault(values, 'quiet') });
    const engine = await chooseEngine(values, (event) => view.show(event));
    const plan = await planRun(values, engine.facts);
    if (plan.unknownCharacters > 0) {
      const text = `the checkpoint does not know ${plan.unknownCharacters} characters of this text`;
      view.show({ event: 'warning', text });
    }
    await trainRun({ values, plan, engine, view });
  },
};
