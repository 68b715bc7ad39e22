/**
 * `npm run chaos -- [--minutes 10] [--every 10] [--seed N]`: compiles what has changed, then loads chaos.ts, which
 * Node cannot do by itself.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { prepare } from '../../tools/prepare.mjs';

await prepare();
/** @type {{ module: typeof import('./chaos.js') }} */
const { module } = await runnerImport(fileURLToPath(new URL('./chaos.ts', import.meta.url)), {
  logLevel: 'error',
  resolve: { conditions: ['@lockstep/source', 'module', 'node', 'default'] },
});
try {
  process.exitCode = await module.chaos(process.argv.slice(2), (line) => void process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
