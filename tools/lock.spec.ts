import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT, Failure } from './failure.mjs';
import { withLock } from './lock.mjs';

let folder: string;
let lock: string;
const quiet = { deadlineMs: 10_000, onWait: () => undefined };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-lock-'));
  lock = join(folder, 'cache/lock');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A process that has ended, so that its number belongs to nobody. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  return child.pid!;
}

describe('the lock of the tools', () => {
  it('is gone after the work, whether it succeeded or not', async () => {
    await expect(withLock(lock, quiet, () => Promise.resolve(existsSync(lock)))).resolves.toBe(true);
    await expect(withLock(lock, quiet, () => Promise.reject(new Error('work failed')))).rejects.toThrow('work failed');
    expect(existsSync(lock)).toBe(false);
  });

  it('gives up at its deadline and names the holder', async () => {
    const waiting: string[] = [];
    await withLock(lock, quiet, async () => {
      const options = { deadlineMs: 300, onWait: (holder: string) => waiting.push(holder) };
      const failure: unknown = await withLock(lock, options, () => Promise.resolve()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Failure);
      expect(failure).toMatchObject({ exitCode: EXIT.retry });
      expect((failure as Failure).message).toContain(`process ${process.pid} on ${hostname()}`);
    });
    expect(waiting).toEqual([`process ${process.pid} on ${hostname()}`]);
  });

  it('is taken over from a process that died', async () => {
    mkdirSync(lock, { recursive: true });
    writeFileSync(join(lock, 'holder.json'), JSON.stringify({ pid: await deadPid(), host: hostname() }));
    await expect(withLock(lock, quiet, () => Promise.resolve('worked'))).resolves.toBe('worked');
  });

  it('lets many processes change one file one after the other, over a lock left by a dead one', async () => {
    mkdirSync(lock, { recursive: true });
    writeFileSync(join(lock, 'holder.json'), JSON.stringify({ pid: await deadPid(), host: hostname() }));
    const file = join(folder, 'count');
    writeFileSync(file, '0');
    const script = `
      import { readFileSync, writeFileSync } from 'node:fs';
      import { setTimeout as delay } from 'node:timers/promises';
      import { withLock } from ${JSON.stringify(new URL('./lock.mjs', import.meta.url).href)};
      await withLock(${JSON.stringify(lock)}, { deadlineMs: 15_000, onWait() {} }, async () => {
        const count = Number(readFileSync(${JSON.stringify(file)}, 'utf8'));
        await delay(20);
        writeFileSync(${JSON.stringify(file)}, String(count + 1));
      });`;
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' }),
    );
    const ends = await Promise.all(children.map((child) => once(child, 'close')));
    expect(ends.map(([code]) => code as unknown)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(readFileSync(file, 'utf8')).toBe('6');
  });

  it('says so when its folder cannot be made', async () => {
    writeFileSync(join(folder, 'cache'), 'a file where a folder should be');
    await expect(withLock(lock, quiet, () => Promise.resolve())).rejects.toThrow('cannot write below');
  });
});
