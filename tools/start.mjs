/**
 * `npm start -- [options]` in a fresh clone: checks Node, installs, compiles, then becomes `lockstep train
 * [options]` in this very process, so that signals and exit codes are the command line's own. Nothing here needs an
 * installed package.
 */
import './check-node.mjs';
import { fileURLToPath } from 'url';

const { prepare } = await import('./prepare.mjs');
const { printFailure } = await import('./failure.mjs');

try {
  await prepare();
} catch (error) {
  process.exit(printFailure(error));
}

const commandLine = new URL('../apps/coordinator/bin/lockstep.mjs', import.meta.url);
process.argv = [process.execPath, fileURLToPath(commandLine), 'train', '--install-engine', ...process.argv.slice(2)];
await import(commandLine.href);
