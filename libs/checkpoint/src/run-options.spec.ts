import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRunOptions, writeRunOptions } from './run-options.js';
import { refusalOf } from './testing/refusal.js';
import { scratchFolder } from './testing/scratch.js';

describe('options.json', () => {
  it('gives the options back as JSON, without those that were never set', async () => {
    const run = scratchFolder();
    await writeRunOptions(run, { workers: 2, text: ['a.txt', 'b c.txt'], seed: undefined, shuffled: true });
    expect(await readRunOptions(run)).toEqual({ workers: 2, text: ['a.txt', 'b c.txt'], shuffled: true });
    expect(readdirSync(run)).toEqual(['options.json']);
  });

  it('is refused when missing, torn, of another version or no record', async () => {
    const run = scratchFolder();
    expect((await refusalOf(readRunOptions(run))).kind).toBe('io');
    await writeRunOptions(run, { workers: 2 });
    truncateSync(join(run, 'options.json'), 20);
    expect((await refusalOf(readRunOptions(run))).message).toMatch(/options\.json: it is not JSON/);
    for (const content of [{ formatVersion: 2, options: {} }, { formatVersion: 1, options: [] }, {}]) {
      writeFileSync(join(run, 'options.json'), JSON.stringify(content));
      expect((await refusalOf(readRunOptions(run))).kind).toBe('data');
    }
  });
});
