import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { Build } from './builds.js';
import { findEngine } from './find.js';
import { writeManifest } from './manifest.js';
import { buildFolder } from './paths.js';
import { platformProblem } from './platform.js';
import { stockInstall, tfjsNodePackages } from './stock.js';
import { verifyEngine } from './verify.js';

const CPU_BUILD = tensorflowBuild(false);
const GPU_BUILD = tensorflowBuild(true);
const hasOneDnn = platformProblem(ONEDNN_BUILD) === undefined;
const ADDON = 'tfjs_binding.node';
const CPU = { kind: 'cpu' } as const;
const GPU = { kind: 'gpu', index: 0 } as const;

const packages = [...(await tfjsNodePackages(false)), ...(await tfjsNodePackages(true))];
const hasStock = (await Promise.all(packages.map(stockInstall))).some((stock) => stock !== undefined);
if (packages.length === 0) console.warn('find.spec: @tensorflow/tfjs-node-gpu is missing, run npm install');
if (hasStock) console.warn('find.spec: a stock tfjs-node works here, so "nothing is installed" cannot be tested');

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'lockstep-find-'));
});

afterEach(async () => {
  await rm(cache, { recursive: true });
});

async function placeBuild(build: Build): Promise<string> {
  const folder = buildFolder(cache, build);
  await mkdir(dirname(join(folder, build.entry)), { recursive: true });
  await writeFile(join(folder, build.entry), 'a library');
  await writeManifest(folder, build, [build.entry], { wheels: {} });
  return folder;
}

describe('the wasm engine', () => {
  it('is found without any cache', async () => {
    const found = await findEngine('wasm', { device: CPU, cache });
    expect(found).toMatchObject({ name: 'wasm', source: 'npm', version: '4.22.0', gpu: false });
    expect(found).not.toHaveProperty('passedOver');
    expect(await verifyEngine(found)).toBeUndefined();
  });

  it('never serves a GPU', async () => {
    await expect(findEngine('wasm', { device: GPU, cache })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe.skipIf(packages.length === 0 || hasStock)('where nothing is installed', () => {
  it('refuses the tensorflow engine with the command that installs it', async () => {
    await expect(findEngine('tensorflow', { device: CPU, cache })).rejects.toMatchObject({
      kind: 'unavailable',
      message: `the tensorflow engine is not installed in ${buildFolder(cache, CPU_BUILD)}: there is no such folder`,
      hint: 'run `lockstep engine install tensorflow`',
    });
  });

  it('goes on with wasm and says why', async () => {
    const found = await findEngine('auto', { device: CPU, cache });
    const advice = hasOneDnn ? 'run `lockstep engine install`' : 'run `lockstep engine install tensorflow`';
    expect(found).toMatchObject({ name: 'wasm', passedOver: { advice } });
  });

  it('does not take a half install', async () => {
    const folder = await placeBuild(CPU_BUILD);
    await rm(join(folder, 'manifest.json'));
    await expect(findEngine('tensorflow', { device: CPU, cache })).rejects.toThrow('no readable manifest');
  });
});

describe.skipIf(packages.length === 0)('where a build is installed', () => {
  it('takes it before wasm, without loading it', async () => {
    const folder = await placeBuild(CPU_BUILD);
    const found = await findEngine('auto', { device: CPU, cache });
    expect(found).toMatchObject({ name: 'tensorflow', source: 'cache', version: '2.21.0', gpu: false, folder });
    expect(structuredClone(found)).toEqual(found);
  });

  it('prefers the CPU build on a CPU and takes the GPU build there when it is the only one', async () => {
    const gpuFolder = await placeBuild(GPU_BUILD);
    expect(await findEngine('tensorflow', { device: CPU, cache })).toMatchObject({ folder: gpuFolder, gpu: true });
    const cpuFolder = await placeBuild(CPU_BUILD);
    expect(await findEngine('tensorflow', { device: CPU, cache })).toMatchObject({ folder: cpuFolder, gpu: false });
    expect(await findEngine('auto', { device: GPU, cache })).toMatchObject({ folder: gpuFolder, gpu: true });
  });

  it('tells a harmed library apart in the full check', async () => {
    const folder = await placeBuild(CPU_BUILD);
    await writeFile(join(folder, 'library'), 'x');
    await writeManifest(folder, CPU_BUILD, [CPU_BUILD.entry, 'library'], { compiler: 'g++', wheels: {} });
    const found = await findEngine('tensorflow', { device: CPU, cache });
    expect(await verifyEngine(found)).toBeUndefined();
    await writeFile(join(folder, 'library'), 'y');
    expect(await verifyEngine(found)).toMatchObject({ reason: expect.stringContaining('library was changed') });
  });
});

describe.skipIf(!hasOneDnn)('the onednn engine', () => {
  it('is taken first, before TensorFlow, without loading it', async () => {
    if (packages.length > 0) await placeBuild(CPU_BUILD);
    const folder = await placeBuild(ONEDNN_BUILD);
    const found = await findEngine('auto', { device: CPU, cache });
    expect(found).toMatchObject({ name: 'onednn', source: 'cache', version: '3.2.0', gpu: false, folder });
    expect(structuredClone(found)).toEqual(found);
    expect(await verifyEngine(found)).toBeUndefined();
  });

  it('is refused with the command that installs it', async () => {
    await expect(findEngine('onednn', { device: CPU, cache })).rejects.toMatchObject({
      kind: 'unavailable',
      message: `the onednn engine is not installed in ${buildFolder(cache, ONEDNN_BUILD)}: there is no such folder`,
      hint: 'run `lockstep engine install`',
    });
  });

  it('is not taken when its library was changed or cut short', async () => {
    const folder = await placeBuild(ONEDNN_BUILD);
    await writeFile(join(folder, ONEDNN_BUILD.entry), 'A library');
    await expect(findEngine('onednn', { device: CPU, cache })).rejects.toThrow(/libdnnl\.so\.3\.2 was changed/);
    await writeFile(join(folder, ONEDNN_BUILD.entry), 'a lib');
    await expect(findEngine('onednn', { device: CPU, cache })).rejects.toThrow(/has 5 bytes instead of 9/);
  });

  it('is not taken for a build of TensorFlow that lies in its place', async () => {
    const folder = buildFolder(cache, ONEDNN_BUILD);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, ONEDNN_BUILD.entry), 'a library');
    await writeManifest(folder, CPU_BUILD, [ONEDNN_BUILD.entry], { compiler: 'g++', wheels: {} });
    await expect(findEngine('onednn', { device: CPU, cache })).rejects.toThrow('another version of lockstep');
  });

  it('never serves a GPU', async () => {
    await placeBuild(ONEDNN_BUILD);
    await expect(findEngine('onednn', { device: GPU, cache })).rejects.toThrow('the onednn engine has no GPU');
  });
});

describe.skipIf(hasStock)('a GPU that cannot be served', () => {
  it('is refused, with auto as well', async () => {
    await expect(findEngine('auto', { device: GPU, cache })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('a stock install of tfjs-node', () => {
  it('counts only when both the addon and its library are there', async () => {
    const folder = join(cache, 'tfjs-node');
    const tfjsNode = { name: '@tensorflow/tfjs-node', folder };
    await mkdir(join(folder, 'lib', 'napi-v8'), { recursive: true });
    await mkdir(join(folder, 'lib', 'napi-v999'), { recursive: true });
    await mkdir(join(folder, 'deps', 'lib'), { recursive: true });
    expect(await stockInstall(tfjsNode)).toBeUndefined();
    await writeFile(join(folder, 'deps', 'lib', 'libtensorflow.so.2.9.1'), 'x');
    expect(await stockInstall(tfjsNode)).toBeUndefined();
    await writeFile(join(folder, 'lib', 'napi-v8', ADDON), 'x');
    await writeFile(join(folder, 'lib', 'napi-v999', ADDON), 'x');
    const binding = join(folder, 'lib', 'napi-v8', ADDON);
    expect(await stockInstall(tfjsNode)).toEqual({ binding, gpu: false, version: 'unknown' });
  });
});
