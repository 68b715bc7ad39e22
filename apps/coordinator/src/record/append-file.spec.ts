import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppendFile } from './append-file.js';
import type { AppendFileOptions } from './append-file.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

const OPTIONS: AppendFileOptions = {
  queueBytesMax: 100_000,
  gatherMs: 0,
  mend: async (file: FileHandle, wholeBytes: number) => file.truncate(wholeBytes),
  onTrouble: (error) => {
    throw error;
  },
};

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-append-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'file');
}

describe('AppendFile', () => {
  it('writes chunks in order at the end of what is there', async () => {
    const path = scratch();
    writeFileSync(path, 'before ');
    const file = new AppendFile(path, OPTIONS);
    for (let count = 0; count < 100; count += 1) {
      expect(file.push(bytes(`${count} `))).toBe(true);
      if (count % 10 === 0) expect(await file.flush()).toBe(true);
    }
    await file.close();
    expect(file.push(bytes('late'))).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(
      `before ${Array.from({ length: 100 }, (_, count) => `${count} `).join('')}`,
    );
  });

  it('refuses what finds no room in its queue', async () => {
    const path = scratch();
    const file = new AppendFile(path, { ...OPTIONS, queueBytesMax: 10 });
    expect([file.push(bytes('12345678')), file.push(bytes('abc')), file.push(bytes('90'))]).toEqual([
      true,
      false,
      true,
    ]);
    expect(await file.flush()).toBe(true);
    expect(file.push(bytes('abc'))).toBe(true);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('1234567890abc');
  });

  it('does not wait long for a disk that hangs', async () => {
    const path = scratch();
    writeFileSync(path, 'torn');
    const never = new Promise<void>(() => undefined);
    const file = new AppendFile(path, { ...OPTIONS, mend: async () => never, closeDeadlineMs: 50 });
    file.push(bytes('more'));
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('torn');
  });
});
