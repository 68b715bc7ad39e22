import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckpoint } from './checkpoint-folder.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { CheckpointReport } from './checkpoint-writer.js';
import { openJournal } from './journal.js';
import { readHistory } from './run-history.js';
import { planLine, stepLine, termLine } from './testing/sample-lines.js';
import { sampleSnapshot } from './testing/sample-snapshot.js';
import { smallDisk } from './testing/small-disk.js';

const TIMES = { firstMs: 1, lastMs: 20, limitMs: 60_000 };

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) expect.fail('the condition never came true');
    await new Promise(setImmediate);
  }
}

describe('a file system that is full, then has room again', () => {
  it('holds the journal up and costs no line', async (context) => {
    const disk = smallDisk(context);
    const path = join(disk.path, 'journal.ndjson');
    const told: string[] = [];
    const journal = await openJournal(path, {
      times: TIMES,
      onTrouble: ({ message }) => told.push(message),
      onRecovered: () => told.push('recovered'),
    });
    await Promise.all([termLine(1), planLine(1), stepLine(1)].map((line) => journal.append(line)));
    const durable = readFileSync(path, 'utf8');
    disk.fill();
    // More than the rest of the page that the file has already.
    const appended = [2, 3, 4].map((step) => journal.append(stepLine(step, { text: 'x'.repeat(3000) })));
    await until(() => told.length === 1);
    expect(told[0]).toBe(`cannot write the journal ${path}: no space is left on that file system (ENOSPC)`);
    expect(readFileSync(path, 'utf8').startsWith(durable)).toBe(true);
    disk.free();
    await Promise.all(appended);
    await journal.close();
    expect(told.slice(1)).toEqual(['recovered']);
    expect((await readHistory(path)).steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  it('holds checkpoints up, leaves the last good one alone, and takes the newest', async (context) => {
    const disk = smallDisk(context);
    const folder = join(disk.path, 'checkpoints');
    const told: string[] = [];
    const report = (one: CheckpointReport): void => {
      told.push('step' in one ? `${one.type} ${one.step}` : one.type);
    };
    const journalledSteps = (): number => Infinity;
    const fence = (): Promise<void> => Promise.resolve();
    const writer = new CheckpointWriter({ folder, keep: 1, fence, journalledSteps, report, times: TIMES });
    await writer.write(sampleSnapshot(1));
    disk.fill();
    const writing = [writer.write(sampleSnapshot(2))];
    await until(() => told.length === 2);
    writing.push(writer.write(sampleSnapshot(3)));
    expect((await readCheckpoint(folder)).weights).toEqual(sampleSnapshot(1).weights);
    disk.free();
    await Promise.all(writing);
    expect(told).toEqual(['written 1', 'trouble 2', 'recovered', 'written 3']);
    expect(readdirSync(folder)).toEqual(['step-000003']);
    expect((await readCheckpoint(folder)).weights).toEqual(sampleSnapshot(3).weights);
  });
});

describe('a file system that turns read-only, then writable again', () => {
  it('costs neither a line nor a checkpoint', async (context) => {
    const disk = smallDisk(context);
    const path = join(disk.path, 'journal.ndjson');
    const told: string[] = [];
    const first = await openJournal(path);
    await Promise.all([termLine(1), planLine(1), stepLine(1)].map((line) => first.append(line)));
    await first.close();
    disk.setWritable(false);
    const opening = openJournal(path, { times: TIMES, onTrouble: ({ message }) => told.push(message) });
    await until(() => told.length === 1);
    expect(told[0]).toContain('that file system is read-only (EROFS)');
    const folder = join(disk.path, 'checkpoints');
    const writer = new CheckpointWriter({
      folder,
      keep: 1,
      fence: () => Promise.resolve(),
      journalledSteps: () => Infinity,
      report: (one) => told.push('trouble' in one ? one.trouble.message : one.type),
      times: TIMES,
    });
    const writing = writer.write(sampleSnapshot(1));
    await until(() => told.length === 2);
    expect(told[1]).toContain('that file system is read-only (EROFS)');
    expect(existsSync(folder)).toBe(false);
    disk.setWritable(true);
    const journal = await opening;
    await journal.append(stepLine(2));
    await Promise.all([writing, journal.close()]);
    expect((await readHistory(path)).steps).toHaveLength(2);
    expect((await readCheckpoint(folder)).step).toBe(1);
  });
});
