import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LogFile, olderLog } from './log-file.js';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const textOf = (path: string): string => readFileSync(path, 'utf8');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a log file', () => {
  it('is added to, over the lives of a process', () => {
    const path = join(scratch(), 'a.log');
    for (const line of ['one\n', 'two\n']) {
      const file = new LogFile(path);
      file.write(line);
      file.close();
    }
    expect(textOf(path)).toBe('one\ntwo\n');
  });

  it('may be named later: lines wait for it, the newest of too many', () => {
    const path = join(scratch(), 'a.log');
    const file = new LogFile(null);
    for (let i = 0; i < 300; i += 1) file.write(`${i}\n`);
    file.nameAs(path);
    file.write('last\n');
    const lines = textOf(path).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['44 lines could not be written here', '44']);
    expect(lines.slice(-2)).toEqual(['299', 'last']);
  });

  it('keeps at most twice its cap, the newest of it, whoever else writes into it', () => {
    const path = join(scratch(), 'a.log');
    const cap = 200_000;
    const file = new LogFile(path, cap);
    const line = `${'x'.repeat(99)}\n`;
    for (let i = 0; i < 20_000; i += 1) {
      file.write(line);
      if (i % 100 === 0) appendFileSync(path, `raw ${i}\n`);
      expect(statSync(path).size).toBeLessThan(cap + 2 ** 17);
    }
    expect(statSync(olderLog(path)).size).toBeLessThan(cap + 2 ** 17);
    const kept = textOf(olderLog(path)) + textOf(path);
    const raw = [...kept.matchAll(/^raw (\d+)$/gm)].map((match) => Number(match[1]));
    expect(raw.at(-1)).toBe(19_900);
    // No hole: of what is kept nothing is missing.
    expect(raw).toEqual(raw.map((_, index) => (raw[0] ?? 0) + 100 * index));
    expect(kept.split('\n').filter((text) => text !== '' && !/^(x{99}|raw \d+)$/.test(text))).toEqual([]);
  });

  it('looks after what others write even when it has nothing to say itself', () => {
    const path = join(scratch(), 'a.log');
    const file = new LogFile(path, 1_000);
    file.write('begin\n');
    appendFileSync(path, 'native noise\n'.repeat(100));
    vi.advanceTimersByTime(10_000);
    expect(statSync(path).size).toBe(0);
    expect(textOf(olderLog(path))).toContain('native noise');
  });

  it.runIf(process.platform === 'linux')('lets go of what a full disk refuses, and says how much it was', () => {
    const file = new LogFile('/dev/full');
    expect(() => ['a\n', 'b\n', 'c\n'].forEach((line) => file.write(line))).not.toThrow();
    const path = join(scratch(), 'a.log');
    file.nameAs(path);
    file.write('d\n');
    expect(textOf(path)).toBe('3 lines could not be written here\nd\n');
  });

  it('does not mind a folder that is removed, and goes on where it is put back', () => {
    const folder = join(scratch(), 'logs');
    mkdirSync(folder);
    const path = join(folder, 'a.log');
    const file = new LogFile(path);
    file.write('before\n');
    rmSync(folder, { recursive: true });
    file.write('into the void\n');
    vi.advanceTimersByTime(10_000);
    file.write('waits\n');
    mkdirSync(folder);
    vi.advanceTimersByTime(10_000);
    file.write('after\n');
    expect(textOf(path)).toBe('waits\nafter\n');
  });
});
