import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCheckpoint } from './checkpoint-folder.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { CheckpointReport, CheckpointWriterOptions } from './checkpoint-writer.js';
import { faultyDisk, systemError } from './testing/faulty-disk.js';
import { refusalOf } from './testing/refusal.js';
import { sampleSnapshot } from './testing/sample-snapshot.js';
import { scratchFolder } from './testing/scratch.js';

interface Watched {
  readonly folder: string;
  readonly writer: CheckpointWriter;
  /** Reports in few words. */
  readonly told: string[];
  /** What is said of a call, or null when it goes well. */
  fault: (name: string, path: string) => string | null;
}

function inWords(report: CheckpointReport): string {
  if (report.type === 'recovered') return 'recovered';
  if (report.type === 'not-pruned') return `not-pruned ${/\((\w+)\)/.exec(report.trouble.message)?.[1]}`;
  const why = report.type === 'trouble' ? ` ${/\((\w+)\)/.exec(report.trouble.message)?.[1]}` : '';
  return `${report.type} ${report.step}${why}`;
}

function watched(options: Partial<CheckpointWriterOptions> = {}): Watched {
  const folder = scratchFolder();
  const told: string[] = [];
  const watching: Watched = {
    folder,
    told,
    fault: () => null,
    writer: new CheckpointWriter({
      folder,
      keep: 2,
      fence: () => Promise.resolve(),
      journalledSteps: () => Infinity,
      report: (report) => told.push(inWords(report)),
      times: { firstMs: 1, lastMs: 4, limitMs: 30 },
      disk: faultyDisk(({ name, path }) => {
        const code = watching.fault(name, path);
        if (code !== null) throw systemError(code, name);
      }),
      ...options,
    }),
  };
  return watching;
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) expect.fail('the condition never came true');
    await new Promise(setImmediate);
  }
}

describe('a writer of checkpoints', () => {
  it('writes one after the other and keeps so many', async () => {
    const { writer, told, folder } = watched();
    for (const step of [0, 1, 2, 3]) await writer.write(sampleSnapshot(step));
    expect(told).toEqual(['written 0', 'written 1', 'written 2', 'written 3']);
    expect(readdirSync(folder).sort()).toEqual(['step-000000', 'step-000002', 'step-000003']);
    expect(writer.latest?.path).toContain('step-000003');
  });

  it('lets the newest take the place of one that waits', async () => {
    const { writer, told, folder } = watched();
    await Promise.all([1, 2, 3].map((step) => writer.write(sampleSnapshot(step))));
    expect(told).toEqual(['superseded 2', 'written 1', 'written 3']);
    expect((await readCheckpoint(folder)).step).toBe(3);
  });

  it.each(['ENOSPC', 'EROFS', 'EACCES', 'EIO'])(
    'tries again while the disk says %s, and says so once',
    async (code) => {
      const watching = watched();
      const { writer, told, folder } = watching;
      await writer.write(sampleSnapshot(1));
      let refused = 0;
      watching.fault = (name) => (name === 'makeFolder' && (refused += 1) <= 6 ? code : null);
      await writer.write(sampleSnapshot(2));
      expect(told).toEqual(['written 1', `trouble 2 ${code}`, 'recovered', 'written 2']);
      expect(readdirSync(folder).sort()).toEqual(['step-000001', 'step-000002']);
    },
  );

  it('tries the newest, not the one that was refused, and leaves the last good one alone', async () => {
    const watching = watched();
    const { writer, told, folder } = watching;
    await writer.write(sampleSnapshot(1));
    watching.fault = (name) => (name === 'rename' ? 'ENOSPC' : null);
    const second = writer.write(sampleSnapshot(2));
    await until(() => told.length === 2);
    await writer.settled();
    const third = writer.write(sampleSnapshot(3));
    await second;
    expect((await readCheckpoint(folder)).step).toBe(1);
    watching.fault = () => null;
    await third;
    expect(told).toEqual(['written 1', 'trouble 2 ENOSPC', 'recovered', 'written 3']);
    expect(readdirSync(folder).sort()).toEqual(['step-000001', 'step-000003']);
  });

  it('gives up a while after the end was announced, and not before', async () => {
    const watching = watched();
    const { writer, told, folder } = watching;
    await writer.write(sampleSnapshot(1));
    let refused = 0;
    watching.fault = (name) => {
      if (name === 'makeFolder') refused += 1;
      return name === 'makeFolder' ? 'ENOSPC' : null;
    };
    const last = refusalOf(writer.write(sampleSnapshot(2)));
    // Far longer than the limit of 30 ms, at up to 4 ms a time.
    await until(() => refused > 20);
    writer.finish();
    const refusal = await last;
    expect([refusal.kind, refusal.message]).toEqual([
      'io',
      expect.stringMatching(/step-000002: no space .*\(ENOSPC\)$/),
    ]);
    expect(told).toEqual(['written 1', 'trouble 2 ENOSPC']);
    expect(readdirSync(folder)).toEqual(['step-000001']);
    expect((await refusalOf(writer.write(sampleSnapshot(3)))).kind).toBe('io');
    watching.fault = () => null;
    await writer.write(sampleSnapshot(4));
    expect(told.slice(2)).toEqual(['recovered', 'written 4']);
  });

  it('cuts a long pause short when the end is announced', async () => {
    const watching = watched({ times: { firstMs: 3_600_000, lastMs: 3_600_000, limitMs: 30 } });
    const { writer, told } = watching;
    watching.fault = (name) => (name === 'makeFolder' ? 'EIO' : null);
    const writing = writer.write(sampleSnapshot(1));
    await until(() => told.length === 1);
    watching.fault = () => null;
    writer.finish();
    await writing;
    expect(told).toEqual(['trouble 1 EIO', 'recovered', 'written 1']);
  });

  it('takes no end that is announced for a disk that refuses', async () => {
    const watching = watched();
    const { writer, told } = watching;
    const announced: string[] = [];
    watching.fault = (name) => {
      if (announced.length === 0) writer.finish();
      announced.push(name);
      return null;
    };
    await writer.write(sampleSnapshot(1));
    await writer.write(sampleSnapshot(2));
    expect(announced).not.toEqual([]);
    expect(told).toEqual(['written 1', 'written 2']);
  });

  it('tries nothing again that no disk refused', async () => {
    const { writer, told } = watched();
    await writer.write(sampleSnapshot(1));
    const other = sampleSnapshot(1, { weights: sampleSnapshot(5).weights });
    expect((await refusalOf(writer.write(other))).kind).toBe('data');
    expect(told).toEqual(['written 1']);
  });

  it('says once that old checkpoints stay, and removes them when it can', async () => {
    const watching = watched({ keep: 1 });
    const { writer, told, folder } = watching;
    watching.fault = (name, path) => (name === 'rename' && !path.includes('.tmp-') ? 'EACCES' : null);
    for (const step of [1, 2, 3]) await writer.write(sampleSnapshot(step));
    expect(told).toEqual(['written 1', 'written 2', 'not-pruned EACCES', 'written 3']);
    watching.fault = () => null;
    await writer.write(sampleSnapshot(4));
    expect(readdirSync(folder)).toEqual(['step-000004']);
  });

  it('waits for no disk that refuses when asked whether it has settled', async () => {
    const watching = watched({ times: { firstMs: 3_600_000, lastMs: 3_600_000, limitMs: 30 } });
    const { writer, told, folder } = watching;
    const first = writer.write(sampleSnapshot(1));
    await writer.settled();
    expect(readdirSync(folder)).toEqual(['step-000001']);
    await first;
    watching.fault = (name) => (name === 'makeFolder' ? 'EIO' : null);
    const second = refusalOf(writer.write(sampleSnapshot(2)));
    await writer.settled();
    expect(told).toEqual(['written 1', 'trouble 2 EIO']);
    writer.finish();
    expect((await second).kind).toBe('io');
  });
});
