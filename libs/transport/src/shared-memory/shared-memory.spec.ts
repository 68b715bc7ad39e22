import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openSharedMemory } from './shared-memory.js';

/** Nothing below is of use where memory cannot be shared. */
const memory = openSharedMemory();

/** What another process finds at a path: its first bytes after the head. */
function readElsewhere(path: string): string {
  const program = `process.stdout.write(require('fs').readFileSync('${path}').subarray(4096, 4104))`;
  return spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stdout;
}

describe.skipIf(memory === null)('shared memory (needs Linux with /dev/shm)', () => {
  it('shows another process what is written, at once and without a copy here', () => {
    const block = memory?.allocate(1 << 20);
    if (memory === null || block === undefined) throw new Error('no memory');
    block.bytes.set(new TextEncoder().encode('lockstep'));
    expect(readElsewhere(block.path)).toBe('lockstep');
    const view = memory.read({ path: block.path, token: block.token, offset: 4, lengthBytes: 4 });
    expect(new TextDecoder().decode(view)).toBe('step');
    block.bytes.set([83], 4);
    expect(new TextDecoder().decode(view)).toBe('Step');
    memory.release();
    block.free();
  });

  it('leaves no name behind for anybody to clean up', () => {
    const before = readdirSync('/dev/shm').filter((name) => name.startsWith(`lockstep-${process.pid}`));
    const block = memory?.allocate(4096);
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(`lockstep-${process.pid}`))).toEqual(before);
    block?.free();
  });

  it('refuses a block that is not the one that was meant, and values beyond its end', () => {
    const block = memory?.allocate(4096);
    if (memory === null || block === undefined) throw new Error('no memory');
    const place = { path: block.path, token: block.token, offset: 0, lengthBytes: 4096 };
    expect(() => memory.read({ ...place, token: '00' })).toThrow(/not the shared memory/);
    expect(() => memory.read({ ...place, offset: 4 })).toThrow(/not the shared memory/);
    expect(() => memory.read({ ...place, path: '/proc/self/fd/9999' })).toThrow(/ENOENT/);
    expect(memory.read(place)).toHaveLength(4096);
    memory.release();
    block.free();
  });

  it('says so when there is no room, instead of being killed for touching what is not there', () => {
    expect(() => memory?.allocate(2 ** 46)).toThrow(/no room for/);
  });
});
