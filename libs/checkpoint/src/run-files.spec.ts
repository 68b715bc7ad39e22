import { readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownIdentity } from './process-identity.js';
import { readRunFile, readSummary, writeRunConfig, writeRunFile, writeSummary } from './run-files.js';
import type { RunFile, RunSummary } from './run-files.js';
import { refusalOf } from './testing/refusal.js';
import { scratchFolder } from './testing/scratch.js';

const runFile: RunFile = {
  formatVersion: 2,
  runId: 'run-1',
  host: 'here',
  coordinator: ownIdentity(),
  supervisor: ownIdentity(),
  term: 1,
  endpoint: 'tcp://127.0.0.1:4000',
  control: null,
  metrics: 'http://127.0.0.1:9580/',
  state: 'running',
  startedAt: new Date(0).toISOString(),
  updatedAt: new Date(1000).toISOString(),
  step: 12,
  steps: null,
  epoch: 1,
  loss: 2.5,
  charactersPerSecond: 100.5,
  engine: 'wasm',
  shards: 2,
  workers: [
    {
      slot: 0,
      name: 'here-0',
      peer: 'a-uuid',
      local: true,
      pid: 7,
      host: 'here',
      state: 'computing',
      step: 12,
      shards: 2,
      secondsPerShard: 0.5,
      barrierWaitSeconds: 1,
    },
  ],
  phaseSeconds: { compute: 1.5 },
  runSeconds: { productive: 2 },
  error: null,
};

const summary: RunSummary = {
  runId: 'run-1',
  steps: 12,
  characters: 76_800,
  epochMeanLoss: [3.1, 2.5],
  validationLoss: null,
  weightsSha256: 'ab'.repeat(32),
  charactersPerSecond: 100.5,
  engine: 'wasm',
  workers: 1,
  shards: 2,
  wallSeconds: 760.25,
  faults: 3,
};

describe('the files of a run directory', () => {
  it('come back as they were written', async () => {
    const run = scratchFolder();
    const config = { seed: 3, nested: [{ rate: 0.001 }, null] };
    await writeRunConfig(run, config);
    await writeRunFile(run, runFile);
    await writeSummary(run, summary);
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toEqual(config);
    expect(await readRunFile(run)).toEqual(runFile);
    expect(await readSummary(run)).toEqual(summary);
    expect(readdirSync(run).sort()).toEqual(['config.json', 'run.json', 'summary.json']);
    expect(readFileSync(join(run, 'config.json'), 'utf8')).toMatch(/^\{\n {2}"seed": 3,\n[^]*\}\n$/);
  });

  it('are never seen half-written by a reader', async () => {
    const run = scratchFolder();
    await writeRunFile(run, { ...runFile, step: 0 });
    let isWriting = true;
    const writing = (async () => {
      for (let step = 1; step <= 50; step += 1) await writeRunFile(run, { ...runFile, step });
      isWriting = false;
    })();
    let seen = 0;
    while (isWriting) {
      const { step } = await readRunFile(run);
      expect(step).toBeGreaterThanOrEqual(seen);
      seen = step;
    }
    await writing;
    expect((await readRunFile(run)).step).toBe(50);
  });

  it.each<[change: object, reason: RegExp]>([
    [{ formatVersion: 1 }, /formatVersion: not format version 2/],
    [{ supervisor: { pid: 0, processStart: null } }, /supervisor\.pid/],
    [{ term: -1 }, /term/],
    [{ state: 'asleep' }, /state/],
    [{ coordinator: { pid: 0, processStart: null } }, /coordinator\.pid/],
    [{ coordinator: { pid: -1, processStart: null } }, /coordinator\.pid/],
    [{ updatedAt: 'yesterday' }, /updatedAt/],
  ])('name the field that is wrong: %j', async (change, reason) => {
    const run = scratchFolder();
    writeFileSync(join(run, 'run.json'), JSON.stringify({ ...runFile, ...change }));
    const refusal = await refusalOf(readRunFile(run));
    expect([refusal.kind, refusal.message]).toEqual(['data', expect.stringMatching(reason)]);
    expect(refusal.message).toContain(join(run, 'run.json'));
  });

  it('are refused when torn, enormous or no file', async () => {
    const run = scratchFolder();
    expect((await refusalOf(readRunFile(run))).kind).toBe('io');
    await writeRunFile(run, runFile);
    truncateSync(join(run, 'run.json'), 100);
    expect((await refusalOf(readRunFile(run))).message).toMatch(/run\.json: it is not JSON/);
    truncateSync(join(run, 'run.json'), 2 ** 40);
    expect((await refusalOf(readRunFile(run))).message).toMatch(/at most 8388608 are read/);
    await writeSummary(run, summary);
    writeFileSync(join(run, 'summary.json'), '[]');
    expect((await refusalOf(readSummary(run))).message).toMatch(/summary\.json: content: /);
  });
});
