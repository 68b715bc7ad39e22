import { readRunFile } from '@lockstep/checkpoint';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RunStatusWriter } from './run-status.js';

const FACTS = {
  ...{ runId: 'run', host: 'h', term: 1 },
  ...{ coordinator: { pid: 1, processStart: null }, supervisor: { pid: 2, processStart: null } },
  ...{ endpoint: 'tcp://127.0.0.1:1', control: 'tcp://127.0.0.1:2', metrics: null },
  ...{ steps: 10, stepsPerEpoch: 5, engine: 'wasm' },
};

describe('the run file', () => {
  it('shows a change at once, and changes that come together in one writing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    let writings = 0;
    let step = 1;
    const progress = () => {
      writings += 1;
      const phase = { name: 'gathering', sinceMs: 0, needed: 1 } as const;
      return {
        ...{ state: { step, stopRequested: false, phase, plans: [], workers: new Map() } },
        ...{ loss: null, charactersPerSecond: 0 },
        ...{ secondsPerShard: new Map<number, number>(), isLocal: () => false },
        figures: { phaseSeconds: {}, runSeconds: {}, workers: new Map() },
      };
    };
    // The writing of every second never comes.
    vi.useFakeTimers({ toFake: ['setInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const status = new RunStatusWriter(folder, FACTS, progress);
    status.refresh();
    status.start();
    const shows = async (wanted: number): Promise<void> => {
      const deadline = Date.now() + 10_000;
      while ((await readRunFile(folder).catch(() => null))?.step !== wanted) {
        if (Date.now() > deadline) throw new Error(`step ${wanted} is not shown`);
        await delay(5);
      }
    };
    await shows(1);
    step = 2;
    for (let times = 0; times < 50; times += 1) status.refresh();
    await shows(2);
    expect(writings).toBe(2);
    await status.stop('stopped', null);
  });
});
