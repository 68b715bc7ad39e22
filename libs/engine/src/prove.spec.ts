import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ONEDNN_BUILD } from './builds.js';
import { findEngine } from './find.js';
import { writeManifest } from './manifest.js';
import { buildFolder } from './paths.js';
import { platformProblem } from './platform.js';
import { findProvenEngine } from './prove.js';

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'lockstep-prove-'));
});

afterEach(async () => {
  await rm(cache, { recursive: true });
});

/** A build whose manifest is right and whose library is none. */
async function placeBroken(): Promise<void> {
  const folder = buildFolder(cache, ONEDNN_BUILD);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, ONEDNN_BUILD.entry), 'not a library');
  await writeManifest(folder, ONEDNN_BUILD, [ONEDNN_BUILD.entry], { wheels: {} });
}

const missing = platformProblem(ONEDNN_BUILD);
if (missing !== undefined) console.warn(`prove.spec skips what needs a place for oneDNN: ${missing.reason}`);

describe('findProvenEngine', () => {
  it('says what computes on the embedded engine', async () => {
    const { found, label, broken } = await findProvenEngine('wasm', { cache });
    expect(found).toMatchObject({ name: 'wasm' });
    expect(label).toBe('wasm 4.22.0 (128-bit SIMD), GRU of tfjs operations');
    expect(broken).toEqual([]);
  });

  it.skipIf(missing !== undefined)('takes the next engine for one that is found and does not work', async () => {
    await placeBroken();
    expect(await findEngine('auto', { device: { kind: 'cpu' }, cache })).toMatchObject({ name: 'onednn' });
    const { found, broken } = await findProvenEngine('auto', { cache });
    expect(found.name).not.toBe('onednn');
    expect(broken).toHaveLength(1);
    expect(broken[0]?.reason).toMatch(/libdnnl\.so\.3\.2 does not load: .*(too short|invalid ELF)/);
  });

  it.skipIf(missing !== undefined)('refuses the engine that was asked for with its reason', async () => {
    await expect(findProvenEngine('onednn', { cache })).rejects.toThrow(/onednn engine is not installed in .*no such/);
    await placeBroken();
    await expect(findProvenEngine('onednn', { cache })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('does not load'),
      hint: expect.stringContaining('lockstep engine install'),
    });
  });
});
