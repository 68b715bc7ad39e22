/** `lockstep train`: coordinates a run, with workers of its own or from other machines. */
import { TRAIN_OPTIONS } from '@lockstep/config';
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { randomUUID } from 'node:crypto';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { chooseEngine } from '../supervise/choose-engine.js';
import { CoordinatorChild } from '../supervise/coordinator-child.js';
import { resumeRun } from '../supervise/stored-options.js';
import { Supervisor } from '../supervise/supervisor.js';
import type { SupervisorOptions } from '../supervise/supervisor.js';
import { newRunPath } from '../train/run-directory.js';
import { chooseView } from '../views/choose-view.js';
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
    const { json, quiet } = given;
    const view = chooseView({ json: json === true, quiet: quiet === true });
    const run = given.resume === undefined ? newRun(given) : await resumedRun(given.resume, given);
    // Started first, so that it boots while the engine is chosen.
    const coordinator = new CoordinatorChild(run.runId);
    try {
      const engine = await chooseEngine(run.values, (event) => view.show(event));
      const detailed = json !== true && quiet !== true && process.stdout.isTTY;
      await new Supervisor({ ...run, engine, view, detailed, coordinator }).run();
    } finally {
      await coordinator.end();
    }
  },
};

type StartedRun = Pick<SupervisorOptions, 'runId' | 'directory' | 'begins' | 'endpoint' | 'values'>;

function newRun(values: OptionValues<TrainOptions>): StartedRun {
  const runId = randomUUID();
  return { runId, directory: values.runDir ?? newRunPath(runId), begins: 'new', endpoint: null, values };
}

async function resumedRun(directory: string, given: OptionValues<TrainOptions>): Promise<StartedRun> {
  return { directory, begins: 'resumed', ...(await resumeRun(directory, given)) };
}
