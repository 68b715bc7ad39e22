import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { tensorflowBuild } from './builds.js';
import { MANIFEST_NAME, checkBuild, verifyBuild, writeManifest } from './manifest.js';

const LIBRARY_NAME = 'tensorflow/libtensorflow_cc.so.2';

const BUILD = tensorflowBuild(false);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-manifest-'));
  await mkdir(join(folder, 'tensorflow'));
  await writeFile(join(folder, BUILD.entry), 'the addon');
  await writeFile(join(folder, LIBRARY_NAME), 'the library');
  await writeManifest(folder, BUILD, [BUILD.entry, LIBRARY_NAME], { compiler: 'g++ 12', wheels: { a: 'b' } });
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function rewrite(change: (manifest: Record<string, unknown>) => void): Promise<void> {
  const path = join(folder, MANIFEST_NAME);
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) throw new Error('no manifest');
  const copy: Record<string, unknown> = { ...manifest };
  change(copy);
  await writeFile(path, JSON.stringify(copy));
}

describe('a complete build', () => {
  it('passes both checks', async () => {
    expect(await checkBuild(folder, BUILD)).toHaveProperty('manifest.compiler', 'g++ 12');
    expect(await verifyBuild(folder, BUILD)).toBeUndefined();
  });
});

describe('a build that is not complete', () => {
  it('is refused without a manifest', async () => {
    await rm(join(folder, MANIFEST_NAME));
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: 'it has no readable manifest' });
  });

  it('is refused when there is nothing', async () => {
    expect(await checkBuild(join(folder, 'absent'), BUILD)).toEqual({ problem: 'there is no such folder' });
  });

  it('is refused with half a manifest', async () => {
    const path = join(folder, MANIFEST_NAME);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, text.length >> 1));
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: 'its manifest is not JSON' });
  });

  it('is refused without one of its files', async () => {
    await rm(join(folder, LIBRARY_NAME));
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: `${LIBRARY_NAME} is missing` });
  });

  it('is refused with a shorter file', async () => {
    await writeFile(join(folder, LIBRARY_NAME), 'the lib');
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: `${LIBRARY_NAME} has 7 bytes instead of 11` });
  });
});

describe('a build that was changed', () => {
  it('is refused at once when it is the addon', async () => {
    await writeFile(join(folder, BUILD.entry), 'the addoN');
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: `${BUILD.entry} was changed` });
  });

  it('is found out by the full check when it is a library of the same size', async () => {
    await writeFile(join(folder, LIBRARY_NAME), 'the librarY');
    expect(await checkBuild(folder, BUILD)).toHaveProperty('manifest');
    expect(await verifyBuild(folder, BUILD)).toBe(`${LIBRARY_NAME} was changed`);
  });

  it('may have more files than it says', async () => {
    await mkdir(join(folder, 'more'));
    await appendFile(join(folder, 'more', 'file'), 'x');
    expect(await verifyBuild(folder, BUILD)).toBeUndefined();
  });
});

describe('a manifest of somebody else', () => {
  it.each([
    ['recipe', 0],
    ['tensorflow', '2.9.1'],
    ['tfjs', '4.0.0'],
    ['gpu', 'yes'],
  ])('is refused with another %s', async (name, value) => {
    await rewrite((manifest) => {
      manifest[name] = value;
    });
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: 'it was made by another version of lockstep' });
  });

  it.each([
    ['files', { '../../etc/passwd': { lengthBytes: 1, sha256: '' } }],
    ['files', { 'a//b': { lengthBytes: 1, sha256: '' } }],
    ['files', []],
    ['files', { file: { lengthBytes: '1' } }],
    ['wheels', { a: 1 }],
    ['compiler', null],
  ])('is refused when %s is %j', async (name, value) => {
    await rewrite((manifest) => {
      manifest[name] = value;
    });
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: 'its manifest has another form' });
  });

  it('is refused when it does not name the addon', async () => {
    await rewrite((manifest) => {
      manifest['files'] = {};
    });
    expect(await checkBuild(folder, BUILD)).toEqual({ problem: `the manifest does not name ${BUILD.entry}` });
  });
});
