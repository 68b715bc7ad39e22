import { existsSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Journal, JournalOptions } from './journal.js';
import { openJournal } from './journal.js';
import { readHistory } from './run-history.js';
import { acquireRunLock } from './run-lock.js';
import { bundledProgram, startChild } from './testing/child.js';
import { faultyDisk, systemError } from './testing/faulty-disk.js';
import { refusalOf } from './testing/refusal.js';
import { planLine, stepLine, termLine } from './testing/sample-lines.js';
import { scratchFolder } from './testing/scratch.js';

const dyingJournal = bundledProgram(new URL('./testing/dying-journal.program.ts', import.meta.url));

const QUICK = { firstMs: 1, lastMs: 4, limitMs: 60_000 };

/** A journal that has begun: two lines and one step. */
async function begun(): Promise<string> {
  const path = join(scratchFolder(), 'journal.ndjson');
  const journal = await openJournal(path);
  await Promise.all([termLine(1), planLine(1), stepLine(1)].map((line) => journal.append(line)));
  await journal.close();
  return path;
}

/** Steps that the file holds now. */
async function stepsIn(path: string): Promise<number> {
  return (await readHistory(path)).steps.length;
}

/** Appends steps up to `last`, some of them together; each one must be in the file when its promise resolves. */
async function appendSteps(journal: Journal, last: number): Promise<void> {
  const appended: Promise<void>[] = [];
  for (let step = 2; step <= last; step += 1) {
    const promise = journal.append(stepLine(step)).then(() => {
      expect(readFileSync(journal.path, 'utf8')).toContain(`"step":${step},`);
    });
    appended.push(promise);
    if (step % 3 === 0) await promise;
  }
  await Promise.all(appended);
}

interface Trouble {
  readonly options: JournalOptions;
  /** Lines told, `recovered` among them. */
  readonly told: string[];
}

function watched(options: JournalOptions): Trouble {
  const told: string[] = [];
  return {
    told,
    options: {
      times: QUICK,
      ...options,
      onTrouble: ({ line }) => told.push(line),
      onRecovered: () => told.push('recovered'),
    },
  };
}

describe('a journal whose disk refuses', () => {
  it('once, at any one call, loses and doubles nothing, and says so once', async () => {
    let hit = 0;
    for (let hasFailed = true; hasFailed; hit += 1) {
      const path = await begun();
      const failing = hit;
      hasFailed = false;
      const disk = faultyDisk(({ name }, index) => {
        if (index !== failing) return;
        hasFailed = true;
        throw systemError(failing % 2 === 0 ? 'ENOSPC' : 'EIO', name);
      });
      const { options, told } = watched({ disk });
      const journal = await openJournal(path, options);
      await appendSteps(journal, 7);
      // Only closing is not tried again: all lines are on the disk by then.
      const isClosed = await journal.close().then(
        () => true,
        () => false,
      );
      expect(await stepsIn(path)).toBe(7);
      const saysSo = [expect.stringMatching(/^cannot .* \((ENOSPC|EIO)\); /), 'recovered'];
      expect(told).toEqual(hasFailed && isClosed ? saysSo : []);
    }
    expect(hit).toBeGreaterThan(15);
  });

  it('to show the lock once, at any look at it, loses and doubles nothing', async () => {
    let hit = 0;
    for (let hasFailed = true; hasFailed; hit += 1) {
      const path = await begun();
      let looks = 0;
      hasFailed = false;
      const fence = async (): Promise<void> => {
        looks += 1;
        if (looks !== hit + 1) return;
        hasFailed = true;
        throw new LockstepError('io', 'cannot read the lock (EMFILE)', '');
      };
      const journal = await openJournal(path, watched({ fence }).options);
      await appendSteps(journal, 7);
      await journal.close();
      expect(await stepsIn(path)).toBe(7);
    }
    expect(hit).toBeGreaterThan(4);
  });

  it('at random, again and again, loses and doubles nothing', async () => {
    const codes = fc.constantFrom(null, null, null, 'ENOSPC', 'EIO', 'EROFS', 'EDQUOT');
    await fc.assert(
      fc.asyncProperty(fc.array(codes, { minLength: 1, maxLength: 60 }), async (schedule) => {
        const path = await begun();
        const disk = faultyDisk(({ name }, index) => {
          const code = schedule[index];
          if (code !== undefined && code !== null && name !== 'close') throw systemError(code, name);
        });
        const { options, told } = watched({ disk });
        const journal = await openJournal(path, options);
        await appendSteps(journal, 9);
        await journal.close();
        expect(await stepsIn(path)).toBe(9);
        expect(told.filter((_, index) => index % 2 === 1)).toEqual(
          told.slice(0, told.length >> 1).map(() => 'recovered'),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('for too long fails all lines, keeps what was durable, and lets a later life go on', async () => {
    const path = await begun();
    let isFull = false;
    const disk = faultyDisk(({ name }) => {
      if (isFull && (name === 'write' || name === 'sync')) throw systemError('ENOSPC', name);
    });
    const { options, told } = watched({ disk, times: { firstMs: 1, lastMs: 2, limitMs: 20 } });
    const journal = await openJournal(path, options);
    await journal.append(stepLine(2));
    isFull = true;
    const refusals = await Promise.all([3, 4].map((step) => refusalOf(journal.append(stepLine(step)))));
    refusals.push(await refusalOf(journal.append(stepLine(5))), await refusalOf(journal.flush()));
    for (const refusal of refusals) {
      expect([refusal.kind, refusal.message]).toEqual(['io', expect.stringMatching(/no space is left.*\(ENOSPC\)$/)]);
    }
    expect(told).toHaveLength(1);
    await journal.close();
    expect(await stepsIn(path)).toBe(2);
    const later = await openJournal(path);
    await later.append(stepLine(3));
    await later.close();
    expect(await stepsIn(path)).toBe(3);
  });

  it('that somebody else has cut is not written on', async () => {
    const path = await begun();
    const journal = await openJournal(path, { times: QUICK });
    await journal.append(stepLine(2));
    truncateSync(path, 10);
    const refusal = await refusalOf(journal.append(stepLine(3)));
    expect([refusal.kind, refusal.message]).toEqual([
      'data',
      expect.stringMatching(/has \d+ bytes, \d+ were written$/),
    ]);
    await journal.close();
  });

  it('is not closed before what waits is on the disk', async () => {
    const path = await begun();
    let failures = 5;
    const disk = faultyDisk(({ name }) => {
      if (name === 'sync' && failures > 0 && readFileSync(path, 'utf8').includes('"step":2,')) {
        failures -= 1;
        throw systemError('EIO', name);
      }
    });
    const journal = await openJournal(path, { disk, times: QUICK });
    const appended = journal.append(stepLine(2));
    await journal.close();
    await appended;
    expect([failures, await stepsIn(path)]).toEqual([0, 2]);
  });

  it('is waited for no longer once somebody has enough of it', async () => {
    const path = await begun();
    const disk = faultyDisk(({ name }) => {
      if (isFull) throw systemError('ENOSPC', name);
    });
    let isFull = false;
    const patient = { firstMs: 3_600_000, lastMs: 3_600_000, limitMs: 36_000_000 };
    const stop = new AbortController();
    const { options, told } = watched({ disk, times: patient, signal: stop.signal });
    const until = async (lines: number): Promise<void> => {
      while (told.length < lines) await new Promise(setImmediate);
    };
    const journal = await openJournal(path, options);
    isFull = true;
    const appended = refusalOf(journal.append(stepLine(2)));
    await until(1);
    journal.giveUp();
    expect((await appended).message).toContain('(ENOSPC)');
    const opened = refusalOf(openJournal(path, options));
    await until(2);
    stop.abort();
    expect((await opened).message).toContain('(ENOSPC)');
    isFull = false;
    await journal.close();
    const later = await openJournal(path, options);
    later.giveUp();
    await later.append(stepLine(2));
    await later.close();
    expect(await stepsIn(path)).toBe(2);
  });

  it('is refused at once when there is none yet', async () => {
    const path = join(scratchFolder(), 'journal.ndjson');
    const { options, told } = watched({
      disk: faultyDisk(({ name }) => {
        throw systemError('EROFS', name);
      }),
    });
    expect((await refusalOf(openJournal(path, options))).message).toContain('read-only (EROFS)');
    expect(told).toEqual([]);
  });
});

describe('a journal whose process is killed', () => {
  it('before any one call loses no line that was acknowledged', async () => {
    let ended: number | string | null = 'SIGKILL';
    let rounds = 0;
    for (; ended === 'SIGKILL'; rounds += 1) {
      const path = await begun();
      const child = startChild(process.execPath, [dyingJournal(), path, String(rounds)]);
      let acknowledged = 1;
      for (let line = await child.nextLine(); line !== null; line = await child.nextLine()) acknowledged = Number(line);
      ended = await child.ended;
      expect(await stepsIn(path)).toBeGreaterThanOrEqual(acknowledged);
      const journal = await openJournal(path);
      await journal.append(stepLine((await stepsIn(path)) + 1));
      await journal.close();
      expect(readdirSync(join(path, '..'))).toEqual(['journal.ndjson']);
    }
    expect([ended, rounds > 10]).toEqual([0, true]);
  });
});

describe('a power cut', () => {
  it('at any call loses no line that was acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.nat(10), async (cutAt, kept) => {
        const path = await begun();
        const lengthOf = (file: string): number => readFileSync(file).length;
        /** Bytes that a power cut leaves, of the journal and of the copy that is to become it. */
        const flushed = { journal: lengthOf(path), copy: 0 };
        let isCut = false;
        let isRenamed = false;
        const disk = faultyDisk(({ name, path: at }, index) => {
          isCut ||= index >= cutAt;
          if (isCut) throw systemError('EIO', name);
          if (name === 'sync' && at === path) flushed.journal = lengthOf(path);
          // The handle is the copy's still after the copy has become the journal.
          if (name === 'sync' && at.endsWith('.tmp')) flushed.copy = lengthOf(existsSync(at) ? at : path);
          if (name === 'rename') isRenamed = true;
          if (isRenamed) flushed.journal = flushed.copy;
        });
        const acknowledged: number[] = [1];
        const times = { firstMs: 1, lastMs: 1, limitMs: 2 };
        const journal = await openJournal(path, { disk, times }).catch(() => null);
        for (let step = 2; step <= 6 && journal !== null; step += 1) {
          await journal.append(stepLine(step)).then(
            () => acknowledged.push(step),
            () => undefined,
          );
        }
        await journal?.close().catch(() => undefined);
        // Of what was not flushed any part may be there.
        const bytes = readFileSync(path);
        const length = Math.min(bytes.length, flushed.journal + Math.floor((bytes.length * kept) / 10));
        writeFileSync(path, bytes.subarray(0, length));
        expect(await stepsIn(path)).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a journal that another coordinator has taken over', () => {
  it('gets no line from the old one, whose lines are refused', async () => {
    const path = await begun();
    const run = join(path, '..');
    const oldLock = await acquireRunLock(run);
    const old = await openJournal(path, { fence: () => oldLock.assertHeld() });
    await old.append(stepLine(2));
    rmSync(oldLock.path);
    const lock = await acquireRunLock(run);
    const journal = await openJournal(path, { fence: () => lock.assertHeld() });
    const before = readFileSync(path, 'utf8');
    const refusals = await Promise.all([3, 4].map((step) => refusalOf(old.append(stepLine(step)))));
    for (const refusal of refusals) {
      expect([refusal.exitCode, refusal.message]).toEqual([73, expect.stringContaining(`process ${process.pid} on`)]);
    }
    expect((await refusalOf(openJournal(path, { fence: () => oldLock.assertHeld() }))).kind).toBe('locked');
    expect(readFileSync(path, 'utf8')).toBe(before);
    await journal.append(stepLine(3));
    expect(await stepsIn(path)).toBe(3);
    await old.close();
    await journal.close();
    await lock.release();
  });

  it('gets no line from one that was suspended after it had looked at its lock', async () => {
    const path = await begun();
    let isSuspended = false;
    let later: Journal | undefined;
    const fence = async (): Promise<void> => {
      if (!isSuspended) return;
      if (later !== undefined) await lost();
      later = await openJournal(path);
      await later.append(stepLine(2, { loss: 1 }));
    };
    const lost = (): Promise<void> => lock.assertHeld();
    const lock = await acquireRunLock(scratchFolder());
    rmSync(lock.path);
    const old = await openJournal(path, { fence });
    isSuspended = true;
    expect((await refusalOf(old.append(stepLine(2)))).kind).toBe('locked');
    await later?.append(stepLine(3));
    expect((await readHistory(path)).steps.map(({ loss }) => loss)).toEqual([4.19, 1, 4.19 / 3]);
    await later?.close();
    await old.close();
  });

  it('is not cut back by the old one when its disk fails, even where no lock tells', async () => {
    const path = await begun();
    let isFailing = false;
    const disk = faultyDisk(({ name }) => {
      if (isFailing && name === 'write') throw systemError('EIO', name);
    });
    const old = await openJournal(path, { disk, times: QUICK });
    const journal = await openJournal(path);
    await journal.append(stepLine(2));
    isFailing = true;
    const refusal = await refusalOf(old.append(stepLine(2, { loss: 9 })));
    expect([refusal.kind, refusal.message]).toEqual(['locked', `${path} is not the journal that this process opened`]);
    expect((await readHistory(path)).steps[1]?.loss).toBe(4.19 / 2);
    await Promise.all([old.close(), journal.close()]);
  });

  it('is not written by a new one while an old copy is put in its place', async () => {
    const path = await begun();
    const copy = `${path}.copy`;
    writeFileSync(copy, readFileSync(path));
    let isFailing = false;
    const disk = faultyDisk(({ name }) => {
      if (isFailing && name === 'sync') throw systemError('EIO', name);
    });
    const journal = await openJournal(path, { disk, times: QUICK });
    renameSync(copy, path);
    isFailing = true;
    expect((await refusalOf(journal.append(stepLine(2)))).kind).toBe('locked');
    await journal.close();
  });
});
