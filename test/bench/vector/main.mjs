/**
 * `npm run bench:vector -- [--rounds 15] [--length 4022850] [--cpu] [--json]`: compiles what has changed, then loads
 * vector.ts, which Node cannot do by itself. `--cpu` takes processor time instead of time, for a busy machine.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { prepare } from '../../../tools/prepare.mjs';

await prepare();
/** @type {{ module: typeof import('./vector.js') }} */
const { module } = await runnerImport(fileURLToPath(new URL('./vector.ts', import.meta.url)), {
  logLevel: 'error',
  resolve: { conditions: ['@lockstep/source', 'module', 'node', 'default'] },
});
await module.benchVector(process.argv.slice(2), (line) => void process.stdout.write(`${line}\n`));
