import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { tensorflowBuild } from './builds.js';
import { engineEnvironment } from './environment.js';
import { findEngine } from './find.js';
import { loadEngine } from './load.js';
import { writeManifest } from './manifest.js';
import { buildFolder } from './paths.js';
import { tfjsNodePackages } from './stock.js';

const CPU = { kind: 'cpu' } as const;
const GPU = { kind: 'gpu', index: 0 } as const;

const hasKernels = (await tfjsNodePackages(true)).length > 0;
if (!hasKernels) console.warn('load.spec is skipped: @tensorflow/tfjs-node-gpu is missing, run npm install');

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'lockstep-load-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true });
});

/** A build whose manifest is right and whose addon is not an addon: made on another kind of machine, say. */
async function placeBuild(gpu: boolean): Promise<void> {
  const build = tensorflowBuild(gpu);
  const folder = buildFolder(cache, build);
  await mkdir(dirname(join(folder, build.entry)), { recursive: true });
  await writeFile(join(folder, build.entry), 'not an addon');
  await writeManifest(folder, build, [build.entry], { compiler: 'g++', wheels: {} });
}

describe.skipIf(!hasKernels)('loadEngine', () => {
  it('says which build does not load, why, and what to do', async () => {
    await placeBuild(false);
    Object.entries(engineEnvironment({ threads: 1, device: CPU })).forEach(([name, value]) => vi.stubEnv(name, value));
    const found = await findEngine('tensorflow', { device: CPU, cache });
    await expect(loadEngine(found, { device: CPU })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^the tensorflow engine in .* does not load: .*(too short|invalid ELF)/),
      hint: 'run `lockstep engine install` again, or choose engine wasm',
    });
  });

  it('insists that the environment of a GPU process was set', async () => {
    await placeBuild(true);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1');
    const found = await findEngine('tensorflow', { device: GPU, cache });
    await expect(loadEngine(found, { device: GPU })).rejects.toMatchObject({ kind: 'internal' });
  });
});
