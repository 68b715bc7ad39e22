/** `lockstep compare`: loss curves of several runs over each other, and what sets the runs apart. */
import { COMPARE_OPTIONS, LockstepError } from '@lockstep/config';
import { compare } from '../compare/comparison.js';
import { loadRuns } from '../compare/load-run.js';
import { comparisonText } from '../compare/terminal.js';
import { gatherValues } from '../options/gather-values.js';
import { yargsOptions } from '../options/yargs-options.js';
import { pageFiles } from '../page/page-files.js';
import { servePage } from '../page/serve-page.js';
import type { CommandBody } from './command-body.js';

/** So many lines can still be told apart. */
const RUNS_MAX = 8;
const COLUMNS = 100;

export const compareCommand: CommandBody = {
  builder: (cli) =>
    cli
      .positional('runs', { type: 'string', array: true, demandOption: true, describe: 'Run directories, 2 to 8' })
      .options(yargsOptions(COMPARE_OPTIONS))
      .example('$0 compare runs/one runs/other', 'curves, figures and differences on the terminal')
      .example('$0 compare runs/one runs/other --page', 'the same in the browser, too'),
  handler: async (argv) => {
    const values = await gatherValues(COMPARE_OPTIONS, argv, process.env);
    const paths = (argv['runs'] as readonly unknown[]).map(String);
    if (paths.length < 2 || paths.length > RUNS_MAX) {
      const what = `${paths.length} run${paths.length === 1 ? '' : 's'} given`;
      throw new LockstepError('usage', what, `name 2 to ${RUNS_MAX} run directories`);
    }
    const comparison = compare(await loadRuns(paths));
    const hasColour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
    const columns = process.stdout.columns || COLUMNS;
    const text = values.json === true ? JSON.stringify(comparison) : comparisonText(comparison, { columns, hasColour });
    process.stdout.write(`${text}\n`);
    if (values.page !== true) return;
    const body = JSON.stringify(comparison);
    const contentType = 'application/json; charset=utf-8';
    const routes = { ...pageFiles('compare'), '/compare.json': () => ({ status: 200, contentType, body }) };
    const { host = COMPARE_OPTIONS.host.default, port = COMPARE_OPTIONS.port.default } = values;
    await servePage({ routes, title: 'the comparison' }, { host, port });
  },
};
