import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/config';
import { bytesOf } from '@lockstep/reduce';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSafetensors, readSafetensors } from './safetensors.js';
import type { NamedTensor } from './safetensors.js';
import { refusalOf } from './testing/refusal.js';
import { scratchFolder } from './testing/scratch.js';

function bytesOfFile(tensors: readonly NamedTensor[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeSafetensors(tensors, metadata)));
}

/** A file with any header text and so many bytes of data. */
function forge(header: string, dataLengthBytes: number, claimedLength?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataLengthBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function tensor(shape: readonly number[], begin: number, end: number, dtype = 'F32'): object {
  return { dtype, shape, data_offsets: [begin, end] };
}

/** The description of one float at the start of the data. */
const ONE = JSON.stringify(tensor([1], 0, 4));

async function readBytes(bytes: Uint8Array): ReturnType<typeof readSafetensors> {
  const path = join(scratchFolder(), 'file.safetensors');
  writeFileSync(path, bytes);
  return readSafetensors(path);
}

const tensorArbitrary = fc.array(fc.nat(5), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((product, size) => product * size, 1);
  const values = fc.float32Array({ minLength: length, maxLength: length });
  return fc.record({ name: fc.string(), shape: fc.constant(shape), values });
});

const fileArbitrary = fc.uniqueArray(
  tensorArbitrary.filter(({ name }) => !['__metadata__', '__proto__', 'constructor', 'prototype'].includes(name)),
  { selector: ({ name }) => name, maxLength: 6 },
);

describe('a safetensors file', () => {
  it('comes back bit for bit, with its hash', async () => {
    const path = join(scratchFolder(), 'file.safetensors');
    await fc.assert(fc.asyncProperty(fileArbitrary, async (tensors) => {
      const bytes = bytesOfFile(tensors, { step: '12', note: 'caf\u00e9' });
      writeFileSync(path, bytes);
      const read = await readSafetensors(path);
      expect(read.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(read.lengthBytes).toBe(bytes.length);
      expect(Object.fromEntries(read.metadata)).toEqual({ step: '12', note: 'caf\u00e9' });
      expect(read.tensors.size).toBe(tensors.length);
      for (const { name, shape, values } of tensors) {
        const found = read.tensors.get(name);
        expect(found?.shape).toEqual(shape);
        expect(bytesOf(found?.values ?? new Float32Array(0))).toEqual(bytesOf(values));
      }
    }));
  });

  it('has a header padded with spaces to a multiple of eight', () => {
    for (let length = 1; length < 20; length += 1) {
      const bytes = bytesOfFile([{ name: 'x'.repeat(length), shape: [1], values: new Float32Array([1]) }]);
      const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      expect(headerLength % 8).toBe(0);
      expect(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))).toMatch(/^\{.*\} *$/);
    }
  });

  it('may list its tensors in any order, and without padding', async () => {
    const header = JSON.stringify({ second: tensor([1], 4, 8), first: tensor([], 0, 4) });
    const { tensors } = await readBytes(forge(header, 8));
    expect([...tensors.keys()]).toEqual(['first', 'second']);
  });

  it('mutated at random is read or refused, and never costs more memory than it has bytes', async () => {
    const path = join(scratchFolder(), 'file.safetensors');
    const original = bytesOfFile([
      { name: 'a', shape: [2, 3], values: new Float32Array(6) },
      { name: 'b', shape: [4], values: new Float32Array(4) },
    ], { step: '1' });
    const mutation = fc.record({ at: fc.nat(original.length - 1), byte: fc.oneof(fc.nat(255), fc.constantFrom(
      ...Buffer.from('0123456789{}[]",:-eE '),
    )) });
    let refused = 0;
    await fc.assert(fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.integer({ min: -20, max: 20 }),
      async (mutations, growth) => {
        const bytes = new Uint8Array(original.length + Math.max(growth, 0));
        bytes.set(original);
        for (const { at, byte } of mutations) bytes[at] = byte;
        writeFileSync(path, growth < 0 ? bytes.subarray(0, growth) : bytes);
        const outcome = await readSafetensors(path).catch((thrown: unknown) => thrown);
        if (outcome instanceof LockstepError) {
          expect(outcome.kind).toBe('data');
          expect(outcome.message.startsWith(`${path}: `)).toBe(true);
          refused += 1;
          return;
        }
        if (outcome instanceof Error) throw outcome;
        const { tensors } = outcome as Awaited<ReturnType<typeof readSafetensors>>;
        const used = [...tensors.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
        expect(used).toBeLessThanOrEqual(bytes.length);
      },
    ), { numRuns: 1500 });
    expect(refused).toBeGreaterThan(500);
  });

  const two = JSON.stringify({ a: tensor([2], 0, 8) });
  it.each<[attack: string, file: Uint8Array, reason: RegExp]>([
    ['a shape whose product wraps to 4',
      forge(JSON.stringify({ a: tensor([4194305, 4194305, 211106198978564], 0, 16) }), 16), /too many elements/],
    ['a shape whose product is 0 after an overflow',
      forge(JSON.stringify({ a: tensor([2 ** 40, 2 ** 40, 0], 0, 0) }), 0), /too many elements/],
    ['a size that no double holds', forge(`{"a":${ONE.replace('[1]', '[9007199254740993]')}}`, 4), /shape\.0/],
    ['a negative size', forge(JSON.stringify({ a: tensor([-1, -2], 0, 8) }), 8), /shape\.0/],
    ['a fraction', forge(JSON.stringify({ a: tensor([0.5, 4], 0, 8) }), 8), /shape\.0/],
    ['offsets that run backwards', forge(JSON.stringify({ a: tensor([2], 8, 0) }), 8), /needs 8 bytes, .* give -8/],
    ['offsets larger than the shape', forge(JSON.stringify({ a: tensor([1], 0, 8) }), 8), /needs 4 bytes/],
    ['overlapping tensors', forge(JSON.stringify({ a: tensor([2], 0, 8), b: tensor([2], 4, 12) }), 12), /"b" overlaps/],
    ['two names for equal bytes', forge(JSON.stringify({ a: tensor([2], 0, 8), b: tensor([2], 0, 8) }), 8), /overlaps/],
    ['a hole', forge(JSON.stringify({ a: tensor([1], 0, 4), b: tensor([1], 8, 12) }), 12), /bytes 4 to 8 .* no tensor/],
    ['a hole at the start', forge(JSON.stringify({ a: tensor([1], 4, 8) }), 8), /bytes 0 to 4/],
    ['a header longer than the file', forge(two, 8, 1000n), /claims 1000 bytes, the file has/],
    ['a header length beyond 2^63', forge(two, 8, 0xffffffffffffffffn), /claims 18446744073709551615 bytes/],
    ['a header length beyond 2^53', forge(two, 8, 2n ** 53n + 1n), /claims 9007199254740993 bytes/],
    ['a header above the bound', forge(`{${' '.repeat(1 << 20)}}`, 0), /at most 1048576 are allowed/],
    ['100,000 tensors', forge(JSON.stringify(Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [index, tensor([0], 0, 0)]),
    )), 0), /at most 1048576 are allowed/],
    ['10,000 tensors in a small header', forge(JSON.stringify(Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [index, tensor([0], 0, 0)]),
    )), 0), /lists 10000 tensors/],
    ['truncated data', forge(two, 7), /cut short: 8 bytes of data listed, 7 there/],
    ['trailing bytes', forge(two, 9), /1 bytes after the last tensor/],
    ['an empty file', new Uint8Array(0), /ends after 0 bytes/],
    ['less than the length prefix', new Uint8Array(7), /ends after 7 bytes/],
    ['an empty header', forge('', 0), /does not begin with \{/],
    ['a header that is an array', forge('[]', 0), /does not begin with \{/],
    ['a header that begins with a space', forge(` ${two}`, 8), /does not begin with \{/],
    ['a header that is not JSON', forge('{"a":', 0), /not JSON/],
    ['a header that is not UTF-8', forge(two, 8).map((byte, index) => (index === 10 ? 0xff : byte)), /not UTF-8/],
    ['another dtype', forge(JSON.stringify({ a: tensor([4], 0, 8, 'F16') }), 8), /dtype/],
    ['a field too many', forge(JSON.stringify({ a: { ...tensor([2], 0, 8), more: 1 } }), 8), /"a"/],
    ['a tensor that is null', forge('{"a":null}', 0), /"a"/],
    ['nine dimensions', forge(JSON.stringify({ a: tensor(Array.from({ length: 9 }, () => 1), 0, 4) }), 4), /shape/],
    ['a key twice', forge(`{"a":${ONE},"a":${ONE}}`, 4), /"a" appears twice/],
    ['the key __proto__', forge(`{"__proto__":${ONE}}`, 4), /__proto__ is not allowed/],
    ['the key constructor', forge(`{"constructor":${ONE}}`, 4), /constructor is not allowed/],
    ['metadata that is no object of strings', forge('{"__metadata__":{"step":1}}', 0), /__metadata__/],
    ['metadata that is null', forge('{"__metadata__":null}', 0), /__metadata__/],
  ])('with %s is refused', async (_, file, reason) => {
    const refusal = await refusalOf(readBytes(file));
    expect(refusal.kind).toBe('data');
    expect(refusal.message).toMatch(reason);
    expect(refusal.message).toMatch(/file\.safetensors: /);
  });

  it('that is sparse and enormous is refused unread', async () => {
    const path = join(scratchFolder(), 'huge');
    writeFileSync(path, forge(two, 8));
    truncateSync(path, 2 ** 40);
    expect((await refusalOf(readSafetensors(path))).message).toMatch(/at most 2147483648 are read/);
  });

  it.runIf(process.platform !== 'win32')('that is a pipe is refused at once', async () => {
    const path = join(scratchFolder(), 'pipe');
    execFileSync('mkfifo', [path]);
    expect((await refusalOf(readSafetensors(path))).message).toMatch(/not a regular file/);
  });

  it('that is missing is an error of the path', async () => {
    const refusal = await refusalOf(readSafetensors(join(scratchFolder(), 'none')));
    expect(refusal.kind).toBe('io');
    expect(refusal.message).toContain('none');
  });

  it('is encoded without copying the values', () => {
    const values = new Float32Array([1, 2, 3]);
    const parts = encodeSafetensors([{ name: 'a', shape: [3], values }]);
    expect(parts[1]?.buffer).toBe(values.buffer);
  });
});
