/**
 * Two projects of tests: quick ones beside the code, and those that cross libraries or start processes.
 */
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Workspace packages are taken from their sources, so that a test never runs against a stale build.
const resolve = { conditions: ['@lockstep/source', 'module', 'node', 'default'] };
const common = { resolve, ssr: { resolve } };

export default defineConfig({
  test: {
    // Native addons (ZeroMQ, TensorFlow) do not survive being loaded by several threads of one process.
    pool: 'forks',
    // Tests of whole clusters mostly wait: on two cores two files at once take little longer than one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        ...common,
        test: { name: 'unit', include: ['{libs,apps}/*/src/**/*.spec.ts', 'tools/*.spec.ts'], testTimeout: 20_000 },
      },
      {
        ...common,
        test: { name: 'system', include: ['test/**/*.spec.ts'], testTimeout: 180_000, hookTimeout: 600_000 },
      },
    ],
  },
});
