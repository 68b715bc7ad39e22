import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openJournal } from './journal.js';
import { readJournal } from './read-journal.js';
import { bundledProgram, startChild } from './testing/child.js';
import { refusalOf } from './testing/refusal.js';
import { journalText, stepLine, stepLines } from './testing/sample-lines.js';
import { scratchFolder } from './testing/scratch.js';

const writer = bundledProgram(new URL('./testing/journal-writer.program.ts', import.meta.url));

function journalPath(content?: string | Uint8Array): string {
  const path = join(scratchFolder(), 'journal.ndjson');
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

describe('a journal', () => {
  it('keeps lines in the order of the calls, across openings', async () => {
    const path = journalPath();
    for (const first of [1, 4]) {
      const journal = await openJournal(path);
      await Promise.all([0, 1, 2].map((offset) => journal.append(stepLine(first + offset, { text: 'caf\u00e9\n' }))));
      await journal.close();
      await journal.close();
    }
    const { lines, tornTail } = await readJournal(path);
    expect(lines).toEqual([1, 2, 3, 4, 5, 6].map((step) => stepLine(step, { text: 'caf\u00e9\n' })));
    expect(tornTail).toBeNull();
  });

  it('has a line on the file once append resolves', async () => {
    const path = journalPath();
    const journal = await openJournal(path);
    for (let step = 1; step <= 3; step += 1) {
      await journal.append(stepLine(step));
      expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(step + 1);
      expect(journal.syncCount).toBe(step);
    }
    await journal.close();
  });

  it('lets lines that come together share a flush', async () => {
    const path = journalPath();
    const journal = await openJournal(path);
    await Promise.all(stepLines(1000).map((line) => journal.append(line)));
    expect(journal.syncCount).toBeLessThan(10);
    await journal.close();
    expect((await readJournal(path)).lines).toEqual(stepLines(1000));
  });

  it('flushes lines that come one by one at most every 50 ms', async () => {
    const path = journalPath();
    const journal = await openJournal(path);
    const startedMs = performance.now();
    const appended: Promise<void>[] = [];
    const flushesWhenSeen = new Set<number>();
    for (let step = 1; step <= 40; step += 1) {
      appended.push(journal.append(stepLine(step)));
      // Given to the system at once, so that a killed process would not lose it.
      while (!readFileSync(path, 'utf8').includes(`"step":${step},`)) await new Promise(setImmediate);
      flushesWhenSeen.add(journal.syncCount);
    }
    const syncCount = journal.syncCount;
    expect(syncCount).toBeLessThanOrEqual(1 + (performance.now() - startedMs) / 50);
    expect(flushesWhenSeen.size).toBeLessThan(40);
    await Promise.all(appended);
    await journal.close();
  });

  it('flushes what is pending when it is closed', async () => {
    const path = journalPath();
    const journal = await openJournal(path);
    await journal.append(stepLine(1));
    const second = journal.append(stepLine(2));
    await journal.close();
    await second;
    expect(journal.syncCount).toBe(2);
    expect((await readJournal(path)).lines).toHaveLength(2);
  });

  it('bounds what waits for the disk', async () => {
    const path = journalPath();
    const journal = await openJournal(path);
    const accepted = stepLines(4096).map((line) => journal.append(line));
    const refusal = await refusalOf(journal.append(stepLine(4097)));
    expect([refusal.kind, refusal.message]).toEqual(['io', `${path}: 4096 lines wait for the disk`]);
    await Promise.all(accepted);
    await journal.append(stepLine(4097));
    await journal.close();
    expect((await readJournal(path)).lines).toHaveLength(4097);
  });

  it('says where it cannot be opened', async () => {
    const path = join(scratchFolder(), 'missing', 'journal.ndjson');
    expect((await refusalOf(openJournal(path))).message).toContain(path);
    expect((await refusalOf(readJournal(path))).kind).toBe('io');
  });

  it('loses no acknowledged line and keeps no torn one when its process is killed', async () => {
    const path = journalPath();
    let next = 1;
    for (let round = 0; round < 6; round += 1) {
      const child = startChild(process.execPath, [writer(), path, String(next)]);
      let durable = 0;
      for (let count = 0; count < 40 * (round + 1); count += 1) durable = Number(await child.nextLine());
      child.process.kill('SIGKILL');
      for (let line = await child.nextLine(); line !== null; line = await child.nextLine()) durable = Number(line);
      const { lines } = await readJournal(path);
      const counted = Array.from({ length: lines.length }, (_, index) => index + 1);
      expect(lines.map((line) => (line.kind === 'step' ? line.step : line.kind))).toEqual(counted);
      expect(lines.length).toBeGreaterThanOrEqual(durable);
      next = lines.length + 1;
    }
  });
});

describe('a torn tail', () => {
  const sound = journalText(stepLines(2));

  it.each<[tail: string | Uint8Array, reason: string]>([
    ['{"step":3', 'it has no line end'],
    ['{"step":3}', 'it has no line end'],
    ['{"step":\n', 'it is not JSON'],
    ['{"step":\n{"st', 'it is not JSON'],
    ['\n', 'it is not JSON'],
    ['3\n', 'it is not an object'],
    ['[]\n', 'it is not an object'],
    [new Uint8Array(4096), 'it has no line end'],
    [new Uint8Array([0x22, 0xff, 0x22, 0x0a]), 'it is not JSON'],
  ])('of case %# is reported, dropped, and cut off before the next line', async (tail, reason) => {
    const path = journalPath(sound);
    appendFileSync(path, tail);
    const expected = stepLines(2);
    expect(await readJournal(path)).toMatchObject({ lines: expected, tornTail: { lineNumber: 3, reason } });
    const journal = await openJournal(path);
    expect(journal.truncatedBytes).toBe(tail.length);
    expect(readFileSync(path, 'utf8')).toBe(sound);
    await journal.append(stepLine(3));
    await journal.close();
    expect(await readJournal(path)).toMatchObject({ lines: [...expected, stepLine(3)], tornTail: null });
  });

  it('may be the whole file', async () => {
    for (const content of ['', '{"st', '\n', 'x\n']) {
      const path = journalPath(content);
      expect((await readJournal(path)).lines).toEqual([]);
      const journal = await openJournal(path);
      await journal.append(stepLine(1));
      await journal.close();
      expect(readFileSync(path, 'utf8')).toBe(journalText(stepLines(1)));
    }
  });

  it('left by a cut at any byte costs whole lines only, at most the last', async () => {
    const lines = stepLines(30).map((line, index) => ({ ...line, text: 'y'.repeat(index * 3) }));
    const whole = journalText(lines);
    const path = journalPath();
    await fc.assert(fc.asyncProperty(fc.nat(whole.length), async (length) => {
      writeFileSync(path, whole.slice(0, length));
      const complete = whole.slice(0, length).split('\n').length - 1;
      const read = await readJournal(path);
      expect(read.lines).toEqual(lines.slice(0, complete));
      const journal = await openJournal(path);
      await journal.close();
      expect(await readJournal(path)).toMatchObject({ lines: lines.slice(0, complete), tornTail: null });
      expect(statSync(path).size + journal.truncatedBytes).toBe(length);
    }));
  });

  it('is told from damage in the middle', async () => {
    const path = journalPath(`${journalText([stepLine(1)])}{"step"\n${journalText([stepLine(3)])}`);
    const refusal = await refusalOf(readJournal(path));
    expect([refusal.kind, refusal.message]).toEqual(['data', `${path}: line 2: it is not JSON`]);
  });

  it('is bounded', async () => {
    const path = journalPath(`${journalText([stepLine(1)])}${'x'.repeat(300_000)}`);
    expect((await refusalOf(readJournal(path))).message).toMatch(/line 2: it is longer than 262144 bytes/);
    const endless = journalPath('x'.repeat(600_000));
    expect((await refusalOf(openJournal(endless))).kind).toBe('data');
    expect(statSync(endless).size).toBe(600_000);
  });
});
