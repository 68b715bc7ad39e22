import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkEngine } from './check.js';
import { engineEnvironment } from './environment.js';
import { findEngine } from './find.js';
import { loadEngine } from './load.js';

const CPU = { kind: 'cpu' } as const;

const found = await findEngine('tensorflow', { device: CPU }).catch((error: unknown) => String(error));
const build = typeof found === 'object' && found.source === 'cache' ? found : undefined;
const binding = build?.name === 'tensorflow' ? build.binding : '';
const kernels = build?.name === 'tensorflow' ? build.kernels : '';
const install = 'lockstep engine install tensorflow';
if (build === undefined) console.warn(`stock.spec is skipped: its TensorFlow is ours; run ${install}`);

/**
 * A working stock install cannot be had here: its install script downloads from a vendor bucket. So the same files
 * are laid out as it lays them out, in a package that is found from the working directory.
 */
describe.skipIf(build === undefined)('a stock install of tfjs-node', () => {
  const home = process.cwd();
  let workspace: string;

  beforeAll(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'lockstep-stock-'));
    const stock = join(workspace, 'node_modules', '@tensorflow', 'tfjs-node');
    await layOut(stock, dirname(binding), kernels);
    process.chdir(workspace);
  });

  afterAll(async () => {
    process.chdir(home);
    await rm(workspace, { recursive: true });
  });

  it('is found when the cache has no build, and computes', async () => {
    const stock = await findEngine('tensorflow', { device: CPU, cache: join(workspace, 'cache') });
    expect(stock).toMatchObject({ name: 'tensorflow', source: 'stock', gpu: false, version: '2.9.1' });
    expect(stock.folder).toContain(workspace);
    Object.assign(process.env, engineEnvironment({ threads: 1, device: CPU }));
    const engine = await loadEngine(stock, { device: CPU });
    checkEngine(engine);
    // The library has the last word about its version, and the class does not claim to be our build.
    expect(engine.version).toBe('2.21.0');
    expect(engine.computeClass).toMatch(/^tensorflow-2\.21\.0-stock-linux-x64 cpu .* threads=1$/);
  });
});

async function layOut(stock: string, libraries: string, kernels: string): Promise<void> {
  const lib = join(stock, 'lib', 'napi-v8');
  const deps = join(stock, 'deps', 'lib');
  await mkdir(lib, { recursive: true });
  await mkdir(deps, { recursive: true });
  for (const name of (await readdir(libraries)).filter((one) => one.startsWith('lib'))) {
    await symlink(join(libraries, name), join(deps, name));
    await symlink(join(libraries, name), join(lib, name));
  }
  await copyFile(join(libraries, 'tfjs_binding.node'), join(lib, 'tfjs_binding.node'));
  await symlink(join(kernels, 'dist'), join(stock, 'dist'));
  await symlink(join(kernels, 'scripts'), join(stock, 'scripts'));
  await copyFile(join(kernels, 'package.json'), join(stock, 'package.json'));
}
