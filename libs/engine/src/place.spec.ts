import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { tensorflowBuild } from './builds.js';
import { STALE_INSTALL_MS } from './limits.js';
import { verifyBuild, writeManifest } from './manifest.js';
import { makeWorkFolder, putInPlace, removeStale } from './place.js';

const BUILD = tensorflowBuild(false);

let place: string;
let target: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'lockstep-place-'));
  target = join(place, 'build');
});

afterEach(async () => {
  await rm(place, { recursive: true });
});

async function finishBuild(content: string): Promise<string> {
  const finished = join(await makeWorkFolder(target), 'libraries');
  await mkdir(join(finished, 'tensorflow'), { recursive: true });
  await writeFile(join(finished, BUILD.entry), content);
  await writeManifest(finished, BUILD, [BUILD.entry], { compiler: 'g++', wheels: {} });
  return finished;
}

const isWhole = async (folder: string): Promise<boolean> => (await verifyBuild(folder, BUILD)) === undefined;

async function installed(): Promise<string> {
  expect(await verifyBuild(target, BUILD)).toBeUndefined();
  return readFile(join(target, BUILD.entry), 'utf8');
}

describe('putInPlace', () => {
  it('gives a finished build its name', async () => {
    await putInPlace(await finishBuild('first'), target, isWhole);
    expect(await installed()).toBe('first');
  });

  it('leaves a good build where it is', async () => {
    await putInPlace(await finishBuild('first'), target, isWhole);
    await putInPlace(await finishBuild('second'), target, isWhole);
    expect(await installed()).toBe('first');
  });

  it('replaces a broken build', async () => {
    await putInPlace(await finishBuild('first'), target, isWhole);
    await writeFile(join(target, BUILD.entry), 'harmed');
    await putInPlace(await finishBuild('second'), target, isWhole);
    expect(await installed()).toBe('second');
  });

  it('ends with one whole build when many finish at once, even over a broken one', async () => {
    await mkdir(join(target, 'tensorflow'), { recursive: true });
    await writeFile(join(target, BUILD.entry), 'half');
    const finished = await Promise.all(['1', '2', '3', '4'].map(finishBuild));
    await Promise.all(finished.map((folder) => putInPlace(folder, target, isWhole)));
    expect(['1', '2', '3', '4']).toContain(await installed());
  });
});

describe('removeStale', () => {
  it('removes what was left long ago, and neither a running install nor a build', async () => {
    const old = await makeWorkFolder(target);
    const running = await makeWorkFolder(target);
    await mkdir(target);
    const now = Date.now();
    const longAgo = new Date(now - STALE_INSTALL_MS - 1000);
    await utimes(old, longAgo, longAgo);
    await utimes(target, longAgo, longAgo);
    await removeStale(place, now);
    expect((await readdir(place)).map((name) => join(place, name)).sort()).toEqual([target, running].sort());
  });
});
