import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TraceEvent } from './trace-event.js';
import { TraceFile } from './trace-file.js';

const LIMITS = { head: 3, tail: 2, markers: 1 };
const COMMON = { pid: 1, tid: 16, args: {} };

const spanAt = (ts: number): TraceEvent => ({ ph: 'X', name: 'step', cat: 'step', ts, dur: 5, ...COMMON });
const markerAt = (ts: number): TraceEvent => ({ ph: 'i', name: 'late', cat: 'marker', ts, s: 'g', ...COMMON });
const names: TraceEvent = { ph: 'M', name: 'process_name', ...COMMON };

function hole(events: number, fromUs: number, untilUs: number): TraceEvent {
  const args = { events };
  return { ph: 'X', name: 'left out', cat: 'step', ts: fromUs, dur: untilUs - fromUs, pid: 1, tid: 16, args };
}

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-trace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'trace.json');
}

function noTrouble(error: Error): void {
  throw error;
}

function read(path: string): readonly TraceEvent[] {
  return JSON.parse(readFileSync(path, 'utf8')) as readonly TraceEvent[];
}

describe('TraceFile', () => {
  it('keeps the first events, the last ones, markers between them, and says what is left out', async () => {
    const path = scratch();
    const file = new TraceFile(path, LIMITS, noTrouble);
    for (let ts = 0; ts < 60; ts += 10) file.add(spanAt(ts));
    for (const ts of [60, 70]) file.add(markerAt(ts));
    file.add(names);
    for (const ts of [80, 90]) file.add(spanAt(ts));
    await file.close(hole);
    const kept = [spanAt(0), spanAt(10), spanAt(20), names, markerAt(60), spanAt(80), spanAt(90)];
    expect(read(path)).toEqual([...kept, hole(4, 25, 80)]);
  });

  it('keeps everything of a short run', async () => {
    const path = scratch();
    const file = new TraceFile(path, LIMITS, noTrouble);
    for (let ts = 0; ts < 50; ts += 10) file.add(spanAt(ts));
    await file.close(hole);
    expect(read(path)).toEqual([0, 10, 20, 30, 40].map(spanAt));
  });

  it('is a trace without events where there were none, and ignores what comes after its end', async () => {
    const path = scratch();
    const file = new TraceFile(path, LIMITS, noTrouble);
    await file.close(hole);
    file.add(spanAt(0));
    await file.close(hole);
    expect(read(path)).toEqual([]);
  });

  it('is whole, but for the bracket, while the run goes on: a killed coordinator leaves what can be read', async () => {
    const path = scratch();
    const file = new TraceFile(path, LIMITS, noTrouble);
    for (const ts of [0, 10]) file.add(spanAt(ts));
    const text = await vi.waitUntil(() => {
      const now = existsSync(path) ? readFileSync(path, 'utf8') : '';
      return now.endsWith('}') && now.split('\n').length === 3 ? now : undefined;
    });
    expect(JSON.parse(`${text}]`)).toEqual([spanAt(0), spanAt(10)]);
    await file.close(hole);
  });

  it('says once that the disk refuses, and goes on without', async () => {
    const troubles: string[] = [];
    const file = new TraceFile(join(scratch(), 'no', 'such', 'folder'), LIMITS, ({ message }) =>
      troubles.push(message),
    );
    await vi.waitUntil(() => troubles.length > 0);
    file.add(spanAt(0));
    await file.close(hole);
    expect(troubles).toEqual([expect.stringContaining('ENOENT')]);
  });
});
