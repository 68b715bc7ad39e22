/** `lockstep view`: the page of a run from its files, of one that goes on as of one that is over. */
import { VIEW_OPTIONS } from '@lockstep/config';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { LivePage } from '../page/live-page.js';
import { RunFollower } from '../page/run-follower.js';
import { servePage } from '../page/serve-page.js';
import { findRun, RUN_POSITIONAL } from './find-run.js';
import type { CommandBody } from './command-body.js';

const LOOK_EVERY_MS = 1_000;

export const viewCommand: CommandBody = {
  builder: (cli) =>
    cli
      .positional('run', RUN_POSITIONAL)
      .options(yargsOptions(VIEW_OPTIONS))
      .example('$0 view runs/mine', 'a page with curves and events; Ctrl-C ends it'),
  handler: async (argv) => {
    const values = await gatherValues(VIEW_OPTIONS, argv, process.env);
    const run = await findRun(argv['run']);
    const follower = new RunFollower(run);
    const { steps, events } = await follower.look();
    const page = new LivePage({
      ...{ steps, past: events },
      status: () => follower.status,
      committed: () => follower.committed,
    });
    const follow = async (): Promise<void> => {
      const news = await follower.look();
      page.addSteps(news.steps);
      for (const event of news.events) page.tell(event);
    };
    let looking = Promise.resolve();
    // A file that cannot be read for a moment is read the next time.
    const timer = setInterval(() => {
      looking = looking.then(follow).catch(() => undefined);
    }, LOOK_EVERY_MS);
    const close = async (): Promise<void> => {
      clearInterval(timer);
      await looking;
      await page.close();
    };
    const { host = VIEW_OPTIONS.host.default, port = VIEW_OPTIONS.port.default } = values;
    await servePage({ routes: page.routes, title: `the run in ${run.path}`, close }, { host, port }).finally(() =>
      clearInterval(timer),
    );
  },
};
