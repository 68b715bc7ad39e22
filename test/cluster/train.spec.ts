import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  journalOf,
  lockstep,
  LockstepProcess,
  processesOf,
  readJson,
  stepsOf,
  temporaryFolder,
  tinyRun,
  writeText,
} from './lockstep-process.js';

const TINY = ['--preset', 'tiny', '--engine', 'wasm', '--steps', '12'];

describe('lockstep train', () => {
  it('writes everything that a run directory promises, and leaves no process', async () => {
    const folder = temporaryFolder();
    const text = writeText(folder);
    const run = join(folder, 'run');
    const process = new LockstepProcess([
      'train',
      '--text',
      text,
      ...TINY,
      '--run-dir',
      run,
      '--json',
      '--validation-fraction',
      '0.2',
      '--checkpoint-every',
      '6',
    ]);
    const { code, stderr } = await process.end();
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const names = process.events.map(({ event }) => event);
    expect(names.filter((name) => name === 'step')).toHaveLength(12);
    expect(names[0]).toBe('start');
    expect(names).toContain('sample');
    expect(names.at(-1)).toBe('summary');

    const shards = [
      [0, 4],
      [4, 8],
    ];
    expect(journalOf(run).slice(0, 2)).toMatchObject([
      { kind: 'term', term: 1, step: 0 },
      { kind: 'plan', fromStep: 1, shards },
    ]);
    const journal = stepsOf(run);
    expect(journal.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(journal[0]).toMatchObject({ epoch: 0, term: 1, characters: 160 });
    for (const { shardDigests, weightsDigest } of journal) {
      expect(shardDigests).toHaveLength(2);
      expect(weightsDigest).toMatch(/^[0-9a-f]{16}$/);
    }
    expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual(['step-000000', 'step-000006', 'step-000012']);
    expect(readdirSync(join(run, 'checkpoints', 'step-000012')).sort()).toEqual([
      'manifest.json',
      'optimizer.safetensors',
      'weights.safetensors',
    ]);

    const summary = readJson(run, 'summary.json');
    expect(summary).toMatchObject({ steps: 12, characters: 12 * 160, workers: 2, shards: 2, result: 'done' });
    expect(summary['validationLoss']).toEqual(expect.any(Number));
    const file = readFileSync(join(run, 'checkpoints', 'step-000012', 'weights.safetensors'));
    const header = Number(file.readBigUInt64LE(0));
    expect(summary['weightsSha256']).toBe(
      createHash('sha256')
        .update(file.subarray(8 + header))
        .digest('hex'),
    );
    expect(readJson(run, 'config.json')).toMatchObject({ units: 32, engine: 'wasm', shards: 2 });
    const runId = String(summary['runId']);
    expect(readJson(run, 'run.json')).toMatchObject({ state: 'done', runId });
    expect(processesOf(runId)).toEqual([]);
  });

  it('deals more shards to one worker than any queue would hold by default', async () => {
    const { run, args } = tinyRun(
      '--batch-size',
      '400',
      '--shards',
      '400',
      '--workers',
      '1',
      '--steps',
      '2',
      '--quiet',
    );
    expect(await lockstep([...args, '--sample-length', '0'])).toMatchObject({ code: 0, stderr: '' });
    expect(stepsOf(run)).toHaveLength(2);
  });

  it('learns', async () => {
    const folder = temporaryFolder();
    const args = [
      '--text',
      writeText(folder),
      '--preset',
      'tiny',
      '--engine',
      'wasm',
      '--steps',
      '60',
      '--learning-rate',
      '0.01',
    ];
    const run = join(folder, 'run');
    expect((await lockstep(['train', ...args, '--run-dir', run, '--quiet'])).stdout).toBe('');
    const losses = stepsOf(run).map(({ loss }) => Number(loss));
    expect(losses[0]).toBeGreaterThan(2.8);
    expect(losses.at(-1)).toBeLessThan(2);
  });

  it('goes on from a checkpoint with other data, and says what it computes on', async () => {
    const folder = temporaryFolder();
    const text = writeText(folder);
    const first = join(folder, 'first');
    await lockstep(['train', '--text', text, ...TINY, '--run-dir', first, '--quiet']);
    const second = await lockstep([
      'train',
      '--text',
      text,
      ...TINY,
      '--init-from',
      first,
      '--run-dir',
      join(folder, 'second'),
      '--sample-length',
      '0',
    ]);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('engine  wasm');
    const start = stepsOf(join(folder, 'second')).map(({ loss }) => Number(loss))[0];
    expect(start).toBeLessThan(Number(stepsOf(first)[0]?.['loss']));
    expect(readJson(folder, 'second', 'config.json')['initFrom']).toBe(
      readJson(first, 'summary.json')['weightsSha256'],
    );
  });

  it('takes options from the environment and a config file, the command line first', async () => {
    const folder = temporaryFolder();
    const text = writeText(folder);
    const inFile = { text, preset: 'tiny', engine: 'wasm', 'batch-size': 6, units: 9, embedding: 5, steps: 2 };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(inFile));
    const run = join(folder, 'run');
    const { code, stderr } = await lockstep(
      [
        'train',
        '--config',
        join(folder, 'config.json'),
        '--steps',
        '1',
        '--embedding',
        '4',
        '--run-dir',
        run,
        '--quiet',
      ],
      { env: { LOCKSTEP_UNITS: '8', LOCKSTEP_EMBEDDING: '7' } },
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(readJson(run, 'config.json')).toMatchObject({ batchSize: 6, units: 8, embedding: 4 });
    expect(readJson(run, 'summary.json')['steps']).toBe(1);
  });
});
