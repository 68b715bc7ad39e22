import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from './checkpoint.js';
import { latestGoodCheckpoint, listCheckpoints, readCheckpoint } from './checkpoint-folder.js';
import { sealOf } from './manifest.js';
import type { Manifest } from './manifest.js';
import { readSafetensors } from './safetensors.js';
import { bundledProgram, startChild } from './testing/child.js';
import { refusalOf } from './testing/refusal.js';
import { sampleSnapshot } from './testing/sample-snapshot.js';
import { scratchFolder } from './testing/scratch.js';
import { weightsSha256 } from './weights.js';

const writer = bundledProgram(new URL('./testing/checkpoint-writer.program.ts', import.meta.url));
const FILES = ['manifest.json', 'optimizer.safetensors', 'weights.safetensors'];
const SLOT_M = { name: 'adam', steps: 7, slots: ['m'] };

describe('writeCheckpoint', () => {
  it('writes all that is needed to go on, and reads back the same', async () => {
    const folder = join(scratchFolder(), 'run', 'checkpoints');
    const snapshot = sampleSnapshot(120);
    const written = await writeCheckpoint(folder, snapshot);
    expect(written.path).toBe(join(folder, 'step-000120'));
    expect(written.weightsSha256).toBe(weightsSha256(snapshot.weights));
    expect(readdirSync(folder)).toEqual(['step-000120']);
    expect(readdirSync(written.path).sort()).toEqual(FILES);
    const { path, weightsSha256: sha256, ...read } = await readCheckpoint(written.path);
    expect(read).toEqual(snapshot);
    expect([path, sha256]).toEqual([written.path, written.weightsSha256]);
  });

  it('names tensors as other frameworks do, optimizer slots after the optimizer', async () => {
    const { path } = await writeCheckpoint(scratchFolder(), sampleSnapshot(3));
    const weights = await readSafetensors(join(path, 'weights.safetensors'));
    expect(weights.tensors.get('gru.weight_hh_l0')?.shape).toEqual([12, 4]);
    expect(weights.metadata.get('step')).toBe('3');
    const optimizer = await readSafetensors(join(path, 'optimizer.safetensors'));
    expect(optimizer.tensors.get('adam.m.embedding.weight')?.shape).toEqual([5, 3]);
    expect(optimizer.tensors.size).toBe(14);
  });

  it('keeps optimizers without state and steps beyond six digits', async () => {
    const snapshot = sampleSnapshot(1_234_567, { optimizer: { name: 'sgd', steps: 1_234_567, slots: {} } });
    const { path } = await writeCheckpoint(scratchFolder(), snapshot);
    expect(path).toMatch(/step-1234567$/);
    expect((await readCheckpoint(path)).optimizer).toEqual(snapshot.optimizer);
  });

  it('writes the same bytes for the same snapshot', async () => {
    const [one, two] = [scratchFolder(), scratchFolder()];
    const paths = [await writeCheckpoint(one, sampleSnapshot(9)), await writeCheckpoint(two, sampleSnapshot(9))];
    for (const file of FILES) {
      const [left, right] = paths.map(({ path }) => readFileSync(join(path, file)));
      expect(left).toEqual(right);
    }
  });

  it('leaves a sound checkpoint of the same step alone, even when two write it at once', async () => {
    const folder = scratchFolder();
    const { path } = await writeCheckpoint(folder, sampleSnapshot(4));
    writeFileSync(join(path, 'note.txt'), 'not ours');
    await Promise.all([writeCheckpoint(folder, sampleSnapshot(4)), writeCheckpoint(folder, sampleSnapshot(4))]);
    expect(readFileSync(join(path, 'note.txt'), 'utf8')).toBe('not ours');
    expect(readdirSync(folder)).toEqual(['step-000004']);
  });

  it('refuses to replace a sound checkpoint by other weights', async () => {
    const folder = scratchFolder();
    await writeCheckpoint(folder, sampleSnapshot(4));
    const other = sampleSnapshot(4, { weights: sampleSnapshot(5).weights });
    const refusal = await refusalOf(writeCheckpoint(folder, other));
    expect(refusal.kind).toBe('data');
    expect(refusal.message).toContain('step-000004 holds other weights');
    expect((await readCheckpoint(folder)).weights).toEqual(sampleSnapshot(4).weights);
    expect(readdirSync(folder)).toEqual(['step-000004']);
  });

  it('replaces a torn checkpoint of the same step', async () => {
    const folder = scratchFolder();
    const { path } = await writeCheckpoint(folder, sampleSnapshot(4));
    truncateSync(join(path, 'weights.safetensors'), 100);
    await writeCheckpoint(folder, sampleSnapshot(4));
    expect((await readCheckpoint(path)).weights).toEqual(sampleSnapshot(4).weights);
    expect(readdirSync(folder)).toEqual(['step-000004']);
  });

  it('names the folder that it cannot make', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'checkpoints'), 'a file');
    const refusal = await refusalOf(writeCheckpoint(join(folder, 'checkpoints'), sampleSnapshot(1)));
    expect(refusal.kind).toBe('io');
    expect(refusal.message).toContain(join(folder, 'checkpoints'));
  });

  it('treats a vector of the wrong length as a bug', async () => {
    const snapshot = sampleSnapshot(1, { weights: new Float32Array(3) });
    const refusal = await refusalOf(writeCheckpoint(scratchFolder(), snapshot));
    expect(refusal.kind).toBe('internal');
  });

  it('killed at any moment leaves sound checkpoints only, and its rubbish goes at the next write', async () => {
    const folder = scratchFolder();
    const hasRubbish = (): boolean => readdirSync(folder).some((name) => name.startsWith('.tmp-'));
    let durable = -1;
    let sawRubbish = false;
    for (let round = 0; round < 8; round += 1) {
      const child = startChild(process.execPath, [writer(), folder, String(durable + 1)]);
      for (let line = 0; line < 2 + round; line += 1) durable = Number(await child.nextLine());
      // Every second time in the midst of a write.
      while (round % 2 === 1 && !hasRubbish()) await new Promise(setImmediate);
      child.process.kill('SIGKILL');
      for (let line = await child.nextLine(); line !== null; line = await child.nextLine()) durable = Number(line);
      expect(await child.ended).toBe('SIGKILL');
      sawRubbish ||= hasRubbish();
      const { checkpoint, passedOver } = await latestGoodCheckpoint(folder);
      expect(passedOver).toEqual([]);
      expect(checkpoint?.step).toBeGreaterThanOrEqual(durable);
      durable = checkpoint?.step ?? -1;
      for (const { path } of await listCheckpoints(folder)) await readCheckpoint(path);
    }
    expect(sawRubbish).toBe(true);
    await writeCheckpoint(folder, sampleSnapshot(durable + 1));
    expect(hasRubbish()).toBe(false);
  });
});

describe('an altered checkpoint', () => {
  it('is refused for any changed byte of any file, naming that file', async () => {
    const { path } = await writeCheckpoint(scratchFolder(), sampleSnapshot(7));
    const sound = await readCheckpoint(path);
    const copy = join(scratchFolder(), 'step-000007');
    await fc.assert(fc.asyncProperty(
      fc.constantFrom(...FILES), fc.nat(), fc.integer({ min: 1, max: 255 }),
      async (file, position, flip) => {
        cpSync(path, copy, { recursive: true });
        const bytes = readFileSync(join(copy, file));
        const at = position % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        writeFileSync(join(copy, file), bytes);
        const outcome = await readCheckpoint(copy).catch((thrown: unknown) => thrown);
        if (outcome instanceof Error) {
          const refusal = await refusalOf(Promise.reject(outcome));
          expect(refusal.kind).toBe('data');
          expect(refusal.message).toContain(copy);
        } else {
          // The space between two fields of the manifest means nothing.
          expect(file).toBe('manifest.json');
          expect(outcome).toEqual({ ...sound, path: copy });
        }
      },
    ), { numRuns: 400 });
  });

  it.each(FILES)('is refused when %s is missing, cut short or longer', async (file) => {
    const { path } = await writeCheckpoint(scratchFolder(), sampleSnapshot(7));
    const original = readFileSync(join(path, file));
    // The manifest's last byte is a line end that it could spare.
    const cuts = [original.subarray(0, -2), original.subarray(0, 1), Buffer.alloc(0)];
    for (const content of [...cuts, Buffer.concat([original, original])]) {
      writeFileSync(join(path, file), content);
      const refusal = await refusalOf(readCheckpoint(path));
      expect([refusal.kind, refusal.message]).toEqual(['data', expect.stringContaining(join(path, file))]);
    }
    rmSync(join(path, file));
    const refusal = await refusalOf(readCheckpoint(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', `${join(path, file)}: it is missing`]);
  });

  it('is refused when its files are those of another step', async () => {
    const folder = scratchFolder();
    const { path: older } = await writeCheckpoint(folder, sampleSnapshot(1));
    const { path: newer } = await writeCheckpoint(folder, sampleSnapshot(2));
    cpSync(join(older, 'weights.safetensors'), join(newer, 'weights.safetensors'));
    expect((await refusalOf(readCheckpoint(newer))).message).toMatch(/weights\.safetensors: its SHA-256/);
    expect((await readCheckpoint(newer, { verify: false })).weights).toEqual(sampleSnapshot(1).weights);
    cpSync(older, join(folder, 'step-000003'), { recursive: true });
    const renamed = await refusalOf(readCheckpoint(join(folder, 'step-000003')));
    expect(renamed.message).toMatch(/manifest\.json: it is of step 1, its folder of 3/);
  });

  it.each<[what: string, change: Record<string, unknown>, reason: RegExp]>([
    ['a later format', { formatVersion: 2 }, /formatVersion: not format version 1/],
    ['a step below zero', { step: -1 }, /step/],
    ['an unknown field', { more: 1 }, /more/],
    ['another layout', { layout: { digest: '0'.repeat(64), entries: [] } }, /layout is not that of the weights/],
    ['another hash of the weights', { weightsSha256: '0'.repeat(64) }, /weights have another SHA-256/],
    ['another optimizer', { optimizer: { ...SLOT_M, name: 'sgd' } }, /sgd\.m\.embedding\.weight is missing/],
    ['fewer slots', { optimizer: SLOT_M }, /adam\.v\..* does not belong/],
  ])('is refused for a manifest with %s', async (_, change, reason) => {
    const { path } = await writeCheckpoint(scratchFolder(), sampleSnapshot(7));
    const manifestPath = join(path, 'manifest.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
    const forged = { ...manifest, ...change };
    writeFileSync(manifestPath, JSON.stringify({ ...forged, seal: sealOf(forged) }));
    const refusal = await refusalOf(readCheckpoint(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', expect.stringMatching(reason)]);
  });

  it.each([
    { loss: 1.5 }, { epoch: 3 }, { config: { seed: 8 } }, { vocabulary: ['b'] },
    { optimizer: { name: 'adam', steps: 8, slots: ['m', 'v'] } },
  ])('is refused for a manifest with another %o that nobody sealed', async (change) => {
    const { path } = await writeCheckpoint(scratchFolder(), sampleSnapshot(7));
    const manifestPath = join(path, 'manifest.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
    writeFileSync(manifestPath, JSON.stringify({ ...manifest, ...change }));
    const refusal = await refusalOf(readCheckpoint(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', `${manifestPath}: its content is not what was sealed`]);
  });

  it('is told from a path that holds no checkpoint', async () => {
    const folder = scratchFolder();
    expect((await refusalOf(readCheckpoint(join(folder, 'none')))).kind).toBe('io');
    expect((await refusalOf(readCheckpoint(folder))).message).toBe(`no checkpoint in ${folder}`);
    mkdirSync(join(folder, 'checkpoints'));
    expect((await refusalOf(readCheckpoint(folder))).message).toBe(`no checkpoint in ${folder}`);
    expect(existsSync(folder)).toBe(true);
  });
});
