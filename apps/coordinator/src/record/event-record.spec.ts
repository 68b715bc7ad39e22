import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunEvent } from '../train/events.js';
import { EVENT_RECORD_LIMITS, EventRecord } from './event-record.js';
import { readEvents } from './read-events.js';

/** On a busy machine. */
const PATIENT = { timeout: 10_000 };

const notice = (text: string): RunEvent => ({ event: 'notice', text });
const stranger: RunEvent = { event: 'rejected', worker: null, reason: 'other-step', detail: 'gradient of step 3' };
const step: RunEvent = {
  ...{ event: 'step', step: 1, epoch: 0, loss: 1, gradientNorm: 1, characters: 1, seconds: 1 },
  ...{ charactersPerSecond: 1, weightsDigest: null },
};

function scratch(): { readonly run: string; readonly path: string } {
  const run = mkdtempSync(join(tmpdir(), 'lockstep-events-'));
  onTestFinished(() => rmSync(run, { recursive: true }));
  return { run, path: join(run, 'events.ndjson') };
}

function noWarning(text: string): void {
  throw new Error(text);
}

describe('EventRecord', () => {
  it('keeps what happens beside the steps, with the time and the steps in the journal', async () => {
    const { run, path } = scratch();
    const record = new EventRecord(noWarning);
    record.add(notice('before the journal is open'));
    await record.begin(path, () => 7);
    const all: RunEvent[] = [
      step,
      { event: 'assigned', step: 1, shards: new Map() },
      { event: 'answered', step: 1, worker: 0, computeSeconds: 1 },
      { event: 'checkpoint', step: 7, path: 'somewhere' },
    ];
    for (const event of all) record.add(event);
    await record.close();
    record.add(notice('after the end'));
    const events = await readEvents(run);
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown;
    expect(events).toEqual([
      { at, committed: 7, event: 'notice', text: 'before the journal is open' },
      { at, committed: 7, event: 'checkpoint', step: 7, path: 'somewhere' },
    ]);
  });

  it('begins a line of its own after what a crash has torn, which readers pass over', async () => {
    const { run, path } = scratch();
    const whole = JSON.stringify({ at: '2026-11-23T06:15:02.000Z', committed: 1, ...notice('whole') });
    writeFileSync(path, `${whole}\n{"at":"then","commi`);
    const record = new EventRecord(noWarning);
    await record.begin(path, () => 2);
    record.add(notice('next life'));
    await record.close();
    appendFileSync(path, '{"unknown":true}\n[1]\n\u0000\u0001\n{"at":"x","committ');
    expect((await readEvents(run)).map(({ committed }) => committed)).toEqual([1, 2]);
    expect(readFileSync(path, 'utf8')).toContain('{"at":"then","commi\n{"at":"');
  });

  it('tells a flood as its first event and one with a count', async () => {
    const { run, path } = scratch();
    const record = new EventRecord(noWarning);
    await record.begin(path, () => 0);
    for (let count = 0; count < 5_000; count += 1) record.add(stranger);
    for (let count = 0; count < 3; count += 1) record.add(notice('again'));
    await record.close();
    const events = await readEvents(run);
    expect(events.map(({ event, repeated }) => [event, repeated])).toEqual([
      ['rejected', undefined],
      ['notice', undefined],
      ['rejected', 4_999],
      ['notice', 2],
    ]);
  });

  it('ends with a line that says so when the file is as long as it may be, in later lives too', async () => {
    const { run, path } = scratch();
    const limits = { ...EVENT_RECORD_LIMITS, fileBytesMax: 2_000 };
    for (let life = 0; life < 3; life += 1) {
      const record = new EventRecord(noWarning, limits);
      await record.begin(path, () => life);
      for (let count = 0; count < 100; count += 1) record.add(notice(`number ${count} of life ${life}`));
      await record.close();
    }
    expect(statSync(path).size).toBeLessThan(2_500);
    expect((await readEvents(run)).at(-1)).toMatchObject({ event: 'warning', text: expect.stringMatching(/is full/) });
  });

  it('leaves out what finds no room in the queue, and says how much', async () => {
    const { run, path } = scratch();
    const record = new EventRecord(noWarning, { ...EVENT_RECORD_LIMITS, queueBytesMax: 1_000 });
    await record.begin(path, () => 0);
    for (let count = 0; count < 100; count += 1) record.add(notice(`number ${count}`));
    await expect.poll(async () => (await readEvents(run)).length, PATIENT).toBeGreaterThan(0);
    record.add({ event: 'checkpoint', step: 1, path: 'last' });
    await record.close();
    const events = await readEvents(run);
    const kept = events.filter(({ event }) => event === 'notice').length;
    expect(kept).toBeGreaterThan(5);
    expect(events.slice(kept)).toMatchObject([
      { event: 'warning', text: `${100 - kept} events were not recorded: they came faster than the disk took them` },
      { event: 'checkpoint' },
    ]);
  });

  it('warns once when the disk refuses, and writes what waits when it takes it again', async () => {
    const { run, path } = scratch();
    const warnings: string[] = [];
    mkdirSync(path);
    const record = new EventRecord((text) => {
      warnings.push(text);
      record.add({ event: 'warning', text });
    });
    await record.begin(path, () => 0);
    record.add(notice('first'));
    await expect
      .poll(() => warnings, PATIENT)
      .toEqual([expect.stringMatching(/^cannot write the event record: EISDIR/)]);
    record.add(notice('second'));
    rmSync(path, { recursive: true });
    await record.close();
    expect((await readEvents(run)).map(({ event }) => event)).toEqual(['notice', 'warning', 'notice']);
    expect(warnings).toHaveLength(1);
  });

  it('is lost without a word when its folder is, and none is read where there is none', async () => {
    const { run, path } = scratch();
    const folder = join(run, 'inner');
    mkdirSync(folder);
    const record = new EventRecord(noWarning);
    await record.begin(join(folder, 'events.ndjson'), () => 0);
    record.add(notice('first'));
    await expect.poll(async () => (await readEvents(folder)).length, PATIENT).toBe(1);
    rmSync(folder, { recursive: true });
    record.add(notice('second'));
    await record.close();
    expect(await readEvents(folder)).toEqual([]);
    mkdirSync(path);
    await expect(readEvents(run)).rejects.toThrow(/^cannot read .*events\.ndjson: EISDIR/);
  });
});
