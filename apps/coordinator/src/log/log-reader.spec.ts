import fc from 'fast-check';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LogFile, olderLog } from './log-file.js';
import type { LogEntry } from './log-entry.js';
import { LogReader } from './log-reader.js';
import { lastWordsOf } from './tail-lines.js';

function logPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'worker-0.log');
}

const record = (msg: string, more: object = {}): string =>
  `${JSON.stringify({ level: 'info', time: '2026-05-01T06:15:02.123Z', pid: 7, msg, ...more })}\n`;

const textsOf = (entries: readonly LogEntry[]): string[] => entries.map(({ message }) => message);

describe('reading a log', () => {
  it('begins with the last entries that fit, over both of its files', () => {
    const path = logPath();
    writeFileSync(olderLog(path), Array.from({ length: 5_000 }, (_, i) => record(`old ${i}`)).join(''));
    writeFileSync(path, Array.from({ length: 5_000 }, (_, i) => record(`new ${i}`)).join(''));
    const tail = (count: number, fits?: (entry: LogEntry) => boolean): string[] =>
      textsOf(new LogReader(path, 'w').tail(count, fits));
    expect(tail(0)).toEqual([]);
    expect(tail(2)).toEqual(['new 4998', 'new 4999']);
    expect(tail(5_001).slice(0, 2)).toEqual(['old 4999', 'new 0']);
    expect(tail(20_000)).toHaveLength(10_000);
    expect(tail(2, ({ message }) => message.endsWith(' 17'))).toEqual(['old 17', 'new 17']);
  });

  it('finds nothing where there is no file, and what comes when there is one', () => {
    const path = logPath();
    const reader = new LogReader(path, 'w');
    expect(reader.tail(10)).toEqual([]);
    expect(reader.more()).toEqual([]);
    writeFileSync(path, record('one') + record('two'));
    expect(textsOf(reader.more())).toEqual(['one', 'two']);
    expect(reader.more()).toEqual([]);
  });

  it('gives every line once and whole, however it was written in pieces', () => {
    const path = logPath();
    const line = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.constant('\u{1f680} raw'));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.array(fc.nat(200), { maxLength: 20 }), (lines, cuts) => {
        const texts = lines.map((text) => text.replaceAll(/[\r\n]/g, ' '));
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        writeFileSync(path, '');
        const reader = new LogReader(path, 'w');
        const seen = [...reader.tail(100)];
        let written = 0;
        for (const cut of [...cuts, bytes.length]) {
          appendFileSync(path, bytes.subarray(written, written + cut));
          written += cut;
          seen.push(...reader.more());
        }
        expect(textsOf(seen)).toEqual(texts.map((text) => text.trimEnd()).filter((text) => text.trim() !== ''));
      }),
    );
  });

  it('misses nothing when the file is emptied in between, and follows one that takes its place', () => {
    const path = logPath();
    const file = new LogFile(path, 100_000);
    const reader = new LogReader(path, 'w');
    const seen: string[] = [];
    for (let i = 0; i < 5_000; i += 1) {
      file.write(record(String(i)));
      if (i % 97 === 0) seen.push(...textsOf(reader.more()));
    }
    seen.push(...textsOf(reader.more()));
    expect(seen).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)));
    rmSync(path);
    writeFileSync(path, record('of another file'));
    expect(textsOf(reader.more())).toEqual(['of another file']);
  });
});

describe('the last words of a worker', () => {
  it('are those of one life, with what libraries printed in it', () => {
    const path = logPath();
    const stack = 'Error: it broke\n    at here';
    writeFileSync(
      path,
      record('joined', { pid: 1 }) +
        record('the first life failed', { pid: 1, level: 'fatal', err: { stack: 'Error: other' } }) +
        'node: warning of the second life\n' +
        record('joined again', { pid: 2 }) +
        record('it broke', { pid: 2, level: 'error', step: 3, err: { stack } }) +
        'corrupted size vs. prev_size\n',
    );
    const words = lastWordsOf(path, 2, 50);
    expect(words).toMatchObject({ said: 'it broke', stack });
    expect(words.log.map((line) => line.slice(14))).toEqual([
      'raw   node: warning of the second life',
      'info  joined again',
      'error step 3: it broke',
      'raw   corrupted size vs. prev_size',
    ]);
    expect(lastWordsOf(path, 2, 1).log).toHaveLength(1);
    expect(lastWordsOf(`${path}.none`, 2, 50)).toEqual({ said: null, stack: '', log: [] });
  });
});
