/**
 * `npm run bench -- [--suite a,b] [--peers torch,keras] [--rounds 7] [--write]`: compiles what has changed, then loads
 * bench.ts, which Node cannot do by itself.
 */
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { prepare } from '../../tools/prepare.mjs';

await prepare();
/** @type {{ module: typeof import('./bench.js') }} */
const { module } = await runnerImport(fileURLToPath(new URL('./bench.ts', import.meta.url)), {
  logLevel: 'error',
  resolve: { conditions: ['@lockstep/source', 'module', 'node', 'default'] },
});
try {
  process.exitCode = await module.bench(process.argv.slice(2), (line) => void process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
