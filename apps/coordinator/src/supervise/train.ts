/** A run from the options given to its end: a new one, or one that is taken up again. */
import type { OptionValues, TrainOptions } from '@lockstep/config';
import { newRunPath } from '../train/run-directory.js';
import { chooseView } from '../views/choose-view.js';
import { chooseEngine } from './choose-engine.js';
import { CoordinatorChild } from './coordinator-child.js';
import { resumeRun } from './stored-options.js';
import { Supervisor } from './supervisor.js';
import type { SupervisorOptions } from './supervisor.js';

type Values = OptionValues<TrainOptions>;
type Run = Pick<SupervisorOptions, 'coordinator' | 'directory' | 'begins' | 'endpoint' | 'values'>;

/**
 * @param given command line, environment and file
 * @param early the coordinator of a new run, started already
 */
export async function train(given: Values, early: CoordinatorChild | undefined): Promise<void> {
  const { json, quiet } = given;
  const view = chooseView({ json: json === true, quiet: quiet === true });
  const run = early === undefined ? await resumed(given) : begun(given, early);
  try {
    const engine = await chooseEngine(run.values, (event) => view.show(event));
    const detailed = json !== true && quiet !== true && process.stdout.isTTY;
    await new Supervisor({ ...run, engine, view, detailed }).run();
  } finally {
    await run.coordinator.end();
  }
}

function begun(values: Values, coordinator: CoordinatorChild): Run {
  const directory = values.runDir ?? newRunPath(coordinator.runId);
  return { coordinator, directory, begins: 'new', endpoint: null, values };
}

async function resumed(given: Values): Promise<Run> {
  const directory = given.resume ?? '';
  const { runId, endpoint, values } = await resumeRun(directory, given);
  return { coordinator: new CoordinatorChild(runId), directory, begins: 'resumed', endpoint, values };
}
