/** What is written beside a run, on a disk that is full for a while; skipped where none can be mounted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppendFile } from '../../apps/coordinator/src/record/append-file.js';
import { smallDisk } from '../../libs/checkpoint/src/testing/small-disk.js';

/** On a busy machine. */
const PATIENT = { timeout: 10_000 };

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a file that grows beside a run', () => {
  it('has every chunk once after a disk was full, and none in part', async (context) => {
    const disk = smallDisk(context, '64k');
    const path = join(disk.path, 'file');
    const troubles: string[] = [];
    const onTrouble = ({ message }: Error): void => void troubles.push(message);
    const file = new AppendFile(path, {
      ...{ queueBytesMax: 100_000, gatherMs: 0, retryMs: 20, onTrouble },
      mend: async (handle, wholeBytes) => handle.truncate(wholeBytes),
    });
    file.push(bytes('first\n'));
    expect(await file.flush()).toBe(true);
    disk.fill();
    // The page that the file has goes on taking some of them.
    const chunks = Array.from({ length: 300 }, (_, count) => `${String(count).padStart(99)}\n`);
    for (const chunk of chunks) expect(file.push(bytes(chunk))).toBe(true);
    expect(await file.flush()).toBe(false);
    expect(await file.flush()).toBe(false);
    disk.free();
    await expect.poll(() => readFileSync(path, 'utf8').length, PATIENT).toBe(30_006);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe(`first\n${chunks.join('')}`);
    expect(troubles).toEqual([expect.stringMatching(/^ENOSPC/)]);
  });
});
