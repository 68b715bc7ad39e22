import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from './checkpoint.js';
import { latestGoodCheckpoint, listCheckpoints, readCheckpoint, settleCheckpoints } from './checkpoint-folder.js';
import { checkpointName, stepOfName } from './checkpoint-name.js';
import { ownIdentity } from './process-identity.js';
import { pruneCheckpoints } from './prune.js';
import { faultyDisk } from './testing/faulty-disk.js';
import { refusalOf } from './testing/refusal.js';
import { sampleSnapshot } from './testing/sample-snapshot.js';
import { scratchFolder } from './testing/scratch.js';
import { removeLeftovers, temporaryPath } from './temporary-folder.js';

async function runWith(steps: readonly number[]): Promise<string> {
  const run = scratchFolder();
  for (const step of steps) await writeCheckpoint(join(run, 'checkpoints'), sampleSnapshot(step));
  return run;
}

function damage(run: string, step: number, keepBytes: number): void {
  truncateSync(join(run, 'checkpoints', checkpointName(step), 'weights.safetensors'), keepBytes);
}

describe('checkpointName', () => {
  it('names steps so that they sort, and reads only its own names back', () => {
    expect([0, 42, 999_999, 1_000_000].map(checkpointName)).toEqual(
      ['step-000000', 'step-000042', 'step-999999', 'step-1000000'],
    );
    expect(['step-000042', 'step-1000000'].map(stepOfName)).toEqual([42, 1_000_000]);
    expect(['step-42', 'step-0000042', 'step-000042.bak', '.tmp-step-000042', 'step-'].map(stepOfName)).toEqual(
      [null, null, null, null, null],
    );
  });
});

describe('the checkpoints of a run', () => {
  it('are listed by step with what is wrong with them', async () => {
    const run = await runWith([1_000_000, 999_999, 0]);
    damage(run, 999_999, 50);
    writeFileSync(join(run, 'checkpoints', 'notes.txt'), '');
    const listed = await listCheckpoints(run);
    expect(listed.map(({ step }) => step)).toEqual([0, 999_999, 1_000_000]);
    expect(listed[0]).toMatchObject({ manifest: { step: 0, loss: null } });
    expect(listed[1]).toHaveProperty('problem', expect.stringMatching(/weights\.safetensors: it has 50 bytes/));
    expect(await listCheckpoints(join(run, 'checkpoints'))).toEqual(listed);
    expect(await listCheckpoints(join(run, 'no-such-folder'))).toEqual([]);
  });

  it('give the newest sound one and say which were passed over', async () => {
    const run = await runWith([0, 10, 20, 30]);
    damage(run, 30, 50);
    mkdirSync(join(run, 'checkpoints', 'step-000040'));
    const { checkpoint, passedOver } = await latestGoodCheckpoint(run);
    expect(checkpoint?.step).toBe(20);
    expect(passedOver.map(({ path }) => basename(path))).toEqual(['step-000040', 'step-000030']);
    expect(passedOver[0]?.reason).toMatch(/manifest\.json: it is missing/);
    expect((await readCheckpoint(run)).step).toBe(20);
    expect((await readCheckpoint(join(run, 'checkpoints'))).step).toBe(20);
  });

  it('say why when none is sound', async () => {
    const run = await runWith([10]);
    damage(run, 10, 900);
    const refusal = await refusalOf(readCheckpoint(run));
    expect(refusal.message).toMatch(/^no sound checkpoint in .* \(.*step-000010.weights\.safetensors: it is cut short/);
    expect((await latestGoodCheckpoint(run)).checkpoint).toBeNull();
  });

  it('are pruned to step 0 and the newest', async () => {
    const run = await runWith([0, 10, 20, 30, 40]);
    const removed = await pruneCheckpoints(run, 2);
    expect(removed.map((path) => basename(path))).toEqual(['step-000010', 'step-000020']);
    expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual(['step-000000', 'step-000030', 'step-000040']);
    expect(await pruneCheckpoints(run, 2)).toEqual([]);
    expect(await pruneCheckpoints(run, 5)).toEqual([]);
  });

  it('are never pruned down to torn ones', async () => {
    const run = await runWith([10, 20, 30, 40]);
    damage(run, 40, 50);
    damage(run, 10, 50);
    await pruneCheckpoints(join(run, 'checkpoints'), 1);
    expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual(['step-000030', 'step-000040']);
    expect((await readCheckpoint(run)).step).toBe(30);
  });
});

describe('settling checkpoints', () => {
  it('flushes the folder that holds their names, where there is one', async () => {
    const calls: string[] = [];
    const disk = faultyDisk(({ name, path }) => calls.push(`${name} ${basename(path)}`));
    const run = await runWith([0]);
    await settleCheckpoints(join(run, 'checkpoints'), disk);
    expect(calls).toEqual(['open checkpoints', 'sync checkpoints', 'close checkpoints']);
    await settleCheckpoints(join(run, 'nothing'), disk);
    expect(calls).toHaveLength(3);
  });
});

describe('temporary folders', () => {
  it('go when their process is gone or has another start time, and stay while it lives', async () => {
    const folder = scratchFolder();
    const ours = basename(temporaryPath(folder, 'step-000001'));
    const { pid } = ownIdentity();
    const [prefix, mark = ''] = [`.tmp-step-000001-${pid}-`, ours.split('-').at(-2)];
    const recycled = `${prefix}${mark === '00000000' ? '11111111' : '00000000'}-aaaaaaaaaaaa`;
    // Above the largest pid of any system.
    const dead = `.tmp-step-000001-4194305-${mark}-aaaaaaaaaaaa`;
    for (const name of [ours, recycled, dead, '.tmp-someone-elses', 'step-000001']) mkdirSync(join(folder, name));
    await removeLeftovers(folder);
    expect(readdirSync(folder).sort()).toEqual([ours, '.tmp-someone-elses', 'step-000001'].sort());
  });
});
