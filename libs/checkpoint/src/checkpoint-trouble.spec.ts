import { existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from './checkpoint.js';
import { latestGoodCheckpoint, listCheckpoints, readCheckpoint } from './checkpoint-folder.js';
import { checkpointName } from './checkpoint-name.js';
import { pruneCheckpoints } from './prune.js';
import { acquireRunLock } from './run-lock.js';
import { bundledProgram, startChild } from './testing/child.js';
import { faultyDisk, systemError } from './testing/faulty-disk.js';
import type { DiskCall } from './testing/faulty-disk.js';
import { refusalOf } from './testing/refusal.js';
import { sampleSnapshot } from './testing/sample-snapshot.js';
import { scratchFolder } from './testing/scratch.js';

const dyingWriter = bundledProgram(new URL('./testing/dying-writer.program.ts', import.meta.url));

/** The calls of writing one checkpoint, in order. */
async function callsOfWriting(): Promise<readonly DiskCall[]> {
  const calls: DiskCall[] = [];
  await writeCheckpoint(scratchFolder(), sampleSnapshot(2), { disk: faultyDisk((call) => calls.push(call)) });
  return calls;
}

describe('writing a checkpoint', () => {
  it('flushes every file and the folder before the one rename, and the folder above after it', async () => {
    const calls = (await callsOfWriting()).map(({ name, path }) => `${name} ${basename(path).replace(/-\d+-.*/, '')}`);
    const file = (name: string, writes: number): string[] => [
      `open ${name}`,
      ...Array.from({ length: writes }, () => `write ${name}`),
      `sync ${name}`,
      `close ${name}`,
    ];
    const temporary = '.tmp-step';
    const folder = (name: string): string[] => [`open ${name}`, `sync ${name}`, `close ${name}`];
    const above = calls.at(-2)?.split(' ')[1] ?? '';
    expect(calls).toEqual([
      `makeFolder ${temporary}`,
      ...file('weights.safetensors', calls.filter((call) => call === 'write weights.safetensors').length),
      ...file('optimizer.safetensors', calls.filter((call) => call === 'write optimizer.safetensors').length),
      ...file('manifest.json', 1),
      ...folder(temporary),
      `rename ${temporary}`,
      ...folder(above),
      `remove ${temporary}`,
    ]);
  });

  it('that fails at any call leaves the one before, and nothing that the next one does not clear away', async () => {
    const count = (await callsOfWriting()).length;
    for (let failing = 0; failing < count; failing += 1) {
      const folder = scratchFolder();
      await writeCheckpoint(folder, sampleSnapshot(1));
      const before = readFileSync(join(folder, 'step-000001', 'manifest.json'));
      const disk = faultyDisk(({ name }, index) => {
        // The disk stays as it is: cleaning up fails as well.
        if (index >= failing) throw systemError(failing % 2 === 0 ? 'ENOSPC' : 'EIO', name);
      });
      const outcome = await writeCheckpoint(folder, sampleSnapshot(2), { disk }).catch((thrown: unknown) => thrown);
      // A failure of nothing but the cleaning up is none.
      if (failing < count - 1) expect((await refusalOf(Promise.reject(outcome as Error))).kind).toBe('io');
      expect(readFileSync(join(folder, 'step-000001', 'manifest.json'))).toEqual(before);
      const { checkpoint, passedOver } = await latestGoodCheckpoint(folder);
      expect([checkpoint?.step === 1 || checkpoint?.step === 2, passedOver]).toEqual([true, []]);
      await writeCheckpoint(folder, sampleSnapshot(2));
      expect(readdirSync(folder).sort()).toEqual(['step-000001', 'step-000002']);
      expect((await readCheckpoint(folder)).step).toBe(2);
    }
  });

  it('killed before any one call leaves sound checkpoints only', async () => {
    const count = (await callsOfWriting()).length;
    const folder = scratchFolder();
    await writeCheckpoint(folder, sampleSnapshot(1));
    for (let dying = 0; dying < count; dying += 1) {
      const child = startChild(process.execPath, [dyingWriter(), folder, '2', String(dying)]);
      expect(await child.ended).toBe('SIGKILL');
      const { checkpoint, passedOver } = await latestGoodCheckpoint(folder);
      const isPlaced = existsSync(join(folder, 'step-000002'));
      expect([checkpoint?.step, passedOver]).toEqual([isPlaced ? 2 : 1, []]);
      rmSync(join(folder, 'step-000002'), { recursive: true, force: true });
    }
    await writeCheckpoint(folder, sampleSnapshot(2));
    expect(readdirSync(folder).sort()).toEqual(['step-000001', 'step-000002']);
  });

  it('stops before the rename once the lock is lost, and leaves nothing', async () => {
    const run = scratchFolder();
    const folder = join(run, 'checkpoints');
    const lock = await acquireRunLock(run);
    const fence = (): Promise<void> => lock.assertHeld();
    await writeCheckpoint(folder, sampleSnapshot(1), { fence });
    const disk = faultyDisk(({ name, path }) => {
      if (name === 'write' && path.endsWith('manifest.json')) rmSync(lock.path);
    });
    const refusal = await refusalOf(writeCheckpoint(folder, sampleSnapshot(2), { fence, disk }));
    expect([refusal.kind, refusal.message]).toEqual(['locked', expect.stringContaining('nobody holds it now')]);
    expect(readdirSync(folder)).toEqual(['step-000001']);
    const second = await acquireRunLock(run);
    expect((await refusalOf(writeCheckpoint(folder, sampleSnapshot(3), { fence }))).kind).toBe('locked');
    expect(readdirSync(folder)).toEqual(['step-000001']);
    await second.release();
  });
});

describe('a torn checkpoint', () => {
  it.each(['manifest.json', 'optimizer.safetensors', 'weights.safetensors'])(
    'with %s cut at each 512 bytes, or a bit flipped in each, is never loaded; the one before is',
    async (file) => {
      const folder = scratchFolder();
      for (const step of [1, 2]) await writeCheckpoint(folder, sampleSnapshot(step));
      const path = join(folder, 'step-000002', file);
      const whole = readFileSync(path);
      const harms: Buffer[] = [];
      for (let at = 0; at < whole.length - 1; at += 512) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << ((at >> 9) % 8));
        harms.push(whole.subarray(0, at), flipped);
      }
      for (const harmed of harms) {
        writeFileSync(path, harmed);
        const { checkpoint, passedOver } = await latestGoodCheckpoint(folder);
        expect([checkpoint?.step, passedOver.length]).toEqual([1, 1]);
        expect(passedOver[0]?.reason).toContain(path);
      }
      expect(harms.length).toBeGreaterThan(2);
    },
  );

  it('of any step is passed over; with all of them bad each reason is listed', async () => {
    const folder = scratchFolder();
    for (const step of [0, 1, 2]) await writeCheckpoint(folder, sampleSnapshot(step));
    for (const step of [2, 1, 0]) truncateSync(join(folder, checkpointName(step), 'weights.safetensors'), 0);
    const refusal = await refusalOf(readCheckpoint(folder));
    expect(refusal.kind).toBe('data');
    for (const step of [0, 1, 2]) expect(refusal.message).toContain(checkpointName(step));
  });
});

describe('pruning', () => {
  async function runWith(steps: readonly number[]): Promise<string> {
    const folder = scratchFolder();
    for (const step of steps) await writeCheckpoint(folder, sampleSnapshot(step));
    return folder;
  }
  const stepsIn = async (folder: string): Promise<readonly number[]> =>
    (await listCheckpoints(folder)).map(({ step }) => step);

  it('counts no checkpoint whose bits are wrong, though its size is right', async () => {
    const folder = await runWith([1, 2, 3, 4]);
    const path = join(folder, 'step-000004', 'optimizer.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await pruneCheckpoints(folder, 1);
    expect(await stepsIn(folder)).toEqual([3, 4]);
    expect((await readCheckpoint(folder)).step).toBe(3);
  });

  it('counts none that the journal does not reach', async () => {
    const folder = await runWith([1, 2, 3, 4]);
    await pruneCheckpoints(folder, 1, { atMost: 2 });
    expect(await stepsIn(folder)).toEqual([2, 3, 4]);
  });

  it('reads none again that is known to be sound', async () => {
    const folder = await runWith([1, 2]);
    const sound = new Set([join(folder, 'step-000002')]);
    await pruneCheckpoints(folder, 2, { sound });
    expect([...sound].map((path) => basename(path))).toEqual(['step-000002', 'step-000001']);
    await pruneCheckpoints(folder, 1, { sound });
    expect([...sound].map((path) => basename(path))).toEqual(['step-000002']);
  });

  it('that fails at any call leaves sound checkpoints only', async () => {
    for (let failing = 0; failing < 8; failing += 1) {
      const folder = await runWith([1, 2, 3]);
      const disk = faultyDisk(({ name }, index) => {
        if (index >= failing) throw systemError('EROFS', name);
      });
      await pruneCheckpoints(folder, 1, { disk }).catch(() => undefined);
      const { checkpoint, passedOver } = await latestGoodCheckpoint(folder);
      expect([checkpoint?.step, passedOver]).toEqual([3, []]);
      await writeCheckpoint(folder, sampleSnapshot(4));
      expect(readdirSync(folder).some((name) => name.startsWith('.tmp-'))).toBe(false);
    }
  });
});
