import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LineTail } from './line-tail.js';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-tail-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'file');
}

describe('the tail of a file', () => {
  it('is whole lines, each once, as they come', async () => {
    const path = scratch();
    const tail = new LineTail(path);
    expect(await tail.read()).toEqual([]);
    writeFileSync(path, 'one\ntwo\nth');
    expect(await tail.read()).toEqual(['one', 'two']);
    expect(await tail.read()).toEqual([]);
    // A letter of several bytes, cut in the middle.
    const [first, second] = [Buffer.from('rée').subarray(0, 2), Buffer.from('rée').subarray(2)];
    appendFileSync(path, first);
    expect(await tail.read()).toEqual([]);
    appendFileSync(path, Buffer.concat([second, Buffer.from('\nfour\n')]));
    expect(await tail.read()).toEqual(['thrée', 'four']);
  });

  it('goes on where a torn end was cut off', async () => {
    const path = scratch();
    const tail = new LineTail(path);
    writeFileSync(path, 'one\ntwo\ntorn');
    await tail.read();
    writeFileSync(path, 'one\ntwo\n');
    expect(await tail.read()).toEqual([]);
    appendFileSync(path, 'three\n');
    expect(await tail.read()).toEqual(['three']);
  });

  it('begins again in another file', async () => {
    const path = scratch();
    const tail = new LineTail(path);
    writeFileSync(path, 'one\ntwo\n');
    await tail.read();
    writeFileSync(path, 'new\n');
    expect(await tail.read()).toEqual(['new']);
  });

  it('is read in pieces where it is long', async () => {
    const path = scratch();
    const lines = Array.from({ length: 200_000 }, (_, index) => `line ${index} of many`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    expect(await new LineTail(path).read()).toEqual(lines);
  });

  it('says what cannot be read', async () => {
    await expect(new LineTail(tmpdir()).read()).rejects.toMatchObject({ kind: 'io' });
  });
});
