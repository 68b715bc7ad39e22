/** Every test of the repository, compiled with a planted bug. */
import { defineConfig } from 'vitest/config';
import { plant, root } from './plant.js';

const resolve = { conditions: ['@lockstep/source', 'module', 'node', 'default'] };

export default defineConfig({
  root,
  resolve,
  ssr: { resolve },
  plugins: [plant()],
  test: {
    pool: 'forks',
    maxWorkers: 1,
    include: ['{libs,apps}/*/src/**/*.spec.ts', 'test/**/*.spec.ts'],
    testTimeout: 60_000,
  },
});
