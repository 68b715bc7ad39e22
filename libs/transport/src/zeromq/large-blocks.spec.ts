import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { returnLargeBlocks } from './large-blocks.js';

const LENGTH_BYTES = 8 * 1024 * 1024;

const libc = koffi.load('libc.so.6');
const malloc = libc.func('void *malloc(size_t)') as (lengthBytes: number) => bigint;
const free = libc.func('void free(void *)') as (block: bigint) => void;
const FIELDS = [
  'arena',
  'ordblks',
  'smblks',
  'hblks',
  'hblkhd',
  'usmblks',
  'fsmblks',
  'uordblks',
  'fordblks',
  'keepcost',
];
koffi.struct('mallinfo2_t', Object.fromEntries(FIELDS.map((field) => [field, 'size_t'])));
const mallinfo = libc.func('mallinfo2_t mallinfo2()') as () => Readonly<Record<'hblkhd', number>>;

describe('large blocks', () => {
  it('are mapped one by one, and not kept, after one of their size was freed, too', () => {
    returnLargeBlocks();
    // By this the library would learn to take blocks of this size from what it keeps.
    free(malloc(LENGTH_BYTES));
    const before = mallinfo().hblkhd;
    const block = malloc(LENGTH_BYTES);
    expect(mallinfo().hblkhd - before).toBeGreaterThanOrEqual(LENGTH_BYTES);
    free(block);
    expect(mallinfo().hblkhd).toBe(before);
  });
});
