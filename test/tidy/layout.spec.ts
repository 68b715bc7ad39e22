import { describe, expect, it } from 'vitest';
import { sizeOf, trackedPaths, workspacePackages } from './repository.js';

const FILE_BYTES_MAX = 1_000_000;

const topLevel = new Set([
  ...['package.json', 'package-lock.json', 'nx.json', 'tsconfig.base.json', 'tsconfig.json'],
  ...['vitest.config.ts', 'eslint.config.js'],
  ...['apps', 'libs', 'deploy', 'test', 'tools', 'docs'],
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'],
]);

describe('the layout of the repository', () => {
  it('has only the agreed entries at its top level', () => {
    const entries = new Set(trackedPaths.map((path) => path.split('/')[0] ?? ''));
    expect([...entries].filter((entry) => !topLevel.has(entry) && !entry.startsWith('.'))).toEqual([]);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE'])('has a %s', (path) => {
    expect(trackedPaths).toContain(path);
  });

  it('tracks no file over 1 MB', () => {
    expect(trackedPaths.filter((path) => sizeOf(path) > FILE_BYTES_MAX)).toEqual([]);
  });

  it('gives every package a README and every library an index', () => {
    const missing = workspacePackages.flatMap(({ folder }) => {
      const entry = folder.startsWith('libs/') ? ['src/index.ts'] : [];
      return ['README.md', ...entry].map((file) => `${folder}/${file}`).filter((path) => !trackedPaths.includes(path));
    });
    expect(missing).toEqual([]);
  });
});
