import { existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atomicWrite, makeDirectory, writeNewFile } from './atomic-write.js';
import { ioError } from './io-error.js';
import { bundledProgram, startChild } from './testing/child.js';
import { refusalOf } from './testing/refusal.js';
import { scratchFolder } from './testing/scratch.js';

const writer = bundledProgram(new URL('./testing/atomic-writer.program.ts', import.meta.url));

describe('atomicWrite', () => {
  it('makes a file and replaces it, leaving nothing beside it', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'run.json');
    await atomicWrite(path, 'first');
    await atomicWrite(path, new Uint8Array([0x61, 0x62]));
    expect(readFileSync(path, 'utf8')).toBe('ab');
    expect(readdirSync(folder)).toEqual(['run.json']);
  });

  it('lets many writers of one file race and keeps one of their contents whole', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'run.json');
    const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
    await Promise.all(contents.map((content) => atomicWrite(path, content)));
    expect(contents).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(folder)).toEqual(['run.json']);
  });

  it.runIf(process.platform !== 'win32')('keeps the old file when the system stops the write half-way', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'run.json');
    await atomicWrite(path, 'the old content');
    // 64 blocks of 512 or 1024 bytes, as the shell counts.
    const limited = ['-c', 'ulimit -f 64; exec "$@"', 'sh'];
    const child = startChild('sh', [...limited, process.execPath, writer(), path, '3000000']);
    expect(await child.nextLine()).toMatch(/^io: cannot write [^:]*\/run\.json: .* \(EFBIG\); raise the file size/);
    expect(await child.ended).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('the old content');
    expect(readdirSync(folder)).toEqual(['run.json']);
  });

  it('keeps an old folder of that name and removes its temporary file when the rename fails', async () => {
    const folder = scratchFolder();
    const path = join(folder, 'taken');
    mkdirSync(path);
    writeFileSync(join(path, 'inside'), 'x');
    const refusal = await refusalOf(atomicWrite(path, 'new'));
    expect(refusal.kind).toBe('io');
    expect(refusal.message).toContain(path);
    expect(readdirSync(folder)).toEqual(['taken']);
    expect(readdirSync(path)).toEqual(['inside']);
  });

  it('names the path when the folder is missing', async () => {
    const path = join(scratchFolder(), 'missing', 'run.json');
    const refusal = await refusalOf(atomicWrite(path, 'new'));
    expect(refusal.exitCode).toBe(74);
    expect(refusal.message).toBe(`cannot write ${path}: there is no such file or folder (ENOENT)`);
  });
});

describe('writeNewFile', () => {
  it('gives length and SHA-256 of all chunks together', async () => {
    const path = join(scratchFolder(), 'new');
    const written = await writeNewFile(path, [new Uint8Array([0x61]), new Uint8Array(0), new Uint8Array([0x62, 0x63])]);
    expect(written).toEqual({
      lengthBytes: 3,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    expect(readFileSync(path, 'utf8')).toBe('abc');
  });

  it('never writes into a file that exists', async () => {
    const path = join(scratchFolder(), 'old');
    writeFileSync(path, 'old');
    const refusal = await refusalOf(writeNewFile(path, [new Uint8Array(3)]));
    expect(refusal.message).toContain('it exists already');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });
});

describe('makeDirectory', () => {
  it('makes parents and accepts what exists', async () => {
    const path = join(scratchFolder(), 'a', 'b', 'c');
    await makeDirectory(path);
    await makeDirectory(path);
    expect(existsSync(path)).toBe(true);
  });
});

describe('ioError', () => {
  it.runIf(existsSync('/dev/full'))('says that the disk is full when the system does', () => {
    const full = openSync('/dev/full', 'w');
    let thrown: unknown;
    try {
      writeSync(full, 'x');
    } catch (error) {
      thrown = error;
    }
    const refusal = ioError('write', '/runs/1/run.json', thrown);
    expect(refusal.kind).toBe('io');
    expect(refusal.line).toBe('cannot write /runs/1/run.json: no space is left on that file system (ENOSPC); '
      + 'free some space there, or put the run directory elsewhere');
  });

  it('tells a bug of ours from a fault of the disk', () => {
    expect(ioError('write', 'path', new RangeError('index')).kind).toBe('internal');
  });
});
