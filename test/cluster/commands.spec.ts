import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockstep, LockstepProcess, readJson, sharedFolder, tinyRun, writeText } from './lockstep-process.js';

describe('with a trained checkpoint', () => {
  const { path: folder, remove } = sharedFolder();
  const run = join(folder, 'run');

  beforeAll(async () => {
    const text = [
      '--text',
      writeText(folder),
      '--preset',
      'tiny',
      '--engine',
      'wasm',
      '--steps',
      '80',
      '--learning-rate',
      '0.01',
    ];
    const { code } = await lockstep(['train', ...text, '--run-dir', run, '--quiet'], { cwd: folder, inHook: true });
    expect(code).toBe(0);
  });

  afterAll(remove);

  it('sample writes the beginning and then the same text for the same seed', async () => {
    const sample = (...args: readonly string[]) =>
      lockstep(['sample', '--checkpoint', run, '--engine', 'wasm', '--prime', 'lock ', '--length', '120', ...args]);
    const [first, again, other] = [await sample(), await sample(), await sample('--seed', '2')];
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^lock /);
    expect([...first.stdout]).toHaveLength(5 + 120 + 1);
    expect(again.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });

  it('sample at temperature 0 needs no seed and repeats words of the text', async () => {
    const sample = (seed: string) =>
      lockstep([
        'sample',
        '--checkpoint',
        run,
        '--engine',
        'wasm',
        '--prime',
        'lock',
        '--length',
        '60',
        '--temperature',
        '0',
        '--seed',
        seed,
      ]);
    const first = await sample('1');
    expect((await sample('2')).stdout).toBe(first.stdout);
    expect(first.stdout).toMatch(/step|shard|worker|batch|epoch|tensor|gradient|sum|tree/);
  });

  it('sample says when the beginning holds characters it has never seen', async () => {
    const { code, stderr } = await lockstep([
      'sample',
      '--checkpoint',
      run,
      '--engine',
      'wasm',
      '--prime',
      'Ωlock',
      '--length',
      '5',
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('never seen');
  });

  it('evaluate takes the loss on a text, gzip too, and counts what the model does not know', async () => {
    const evaluate = async (path: string) =>
      JSON.parse(
        (await lockstep(['evaluate', '--checkpoint', run, '--engine', 'wasm', '--text', path, '--json'])).stdout,
      ) as Record<string, number>;
    const known = await evaluate(join(folder, 'text.txt'));
    expect(known['loss']).toBeLessThan(2);
    expect(known['perplexity']).toBeCloseTo(Math.exp(Number(known['loss'])), 6);
    const packed = join(folder, 'strange.txt.gz');
    writeFileSync(packed, gzipSync('ÄÖÜ 123 '.repeat(50)));
    const strange = await evaluate(packed);
    expect(strange['loss']).toBeGreaterThan(Number(known['loss']));
    expect(strange['unknown']).toBe(50 * 6);
  });

  it('inspect shows and verifies', async () => {
    const { stdout, code } = await lockstep(['inspect', run]);
    expect(code).toBe(0);
    expect(stdout).toContain(String(readJson(run, 'summary.json')['weightsSha256']));
    expect(stdout).toContain('gru.weight_hh_l0');
    const json = JSON.parse(
      (await lockstep(['inspect', join(run, 'checkpoints', 'step-000000'), '--json'])).stdout,
    ) as Record<string, unknown>;
    expect(json).toMatchObject({ step: 0, loss: null });
  });
});

describe('help', () => {
  it.each([
    [['--help']],
    [['train', '--help']],
    [['worker', '--help']],
    [['engine', '--help']],
    [['sample', '--help']],
  ])('%j', async (args) => {
    const { code, stdout, stderr } = await lockstep(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Examples:|Commands:/);
  });

  it('version, and completion for a shell', async () => {
    expect((await lockstep(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await lockstep(['completion'])).stdout).toContain('lockstep');
  });

  it('doctor checks this machine', async () => {
    const { stdout } = await lockstep(['doctor', '--json']);
    const probes = JSON.parse(stdout) as { name: string; ok: string; advice: string }[];
    expect(probes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'npm', 'zeromq', 'loopback', 'engine']),
    );
    for (const probe of probes.filter(({ ok }) => ok !== 'ok')) expect(probe.advice).not.toBe('');
  });
});

describe('workers of other machines', () => {
  it('are waited for, and do the work', async () => {
    const { run, args } = tinyRun('--steps', '5', '--json', '--workers', '0', '--min-workers', '2');
    const coordinator = new LockstepProcess(args);
    const endpoint = String((await coordinator.event(({ event }) => event === 'start'))['endpoint']);
    const workers = [1, 2].map(() => new LockstepProcess(['worker', '--coordinator', endpoint]));
    expect((await coordinator.end()).code).toBe(0);
    for (const worker of workers) expect((await worker.end()).code).toBe(0);
    expect(readJson(run, 'summary.json')).toMatchObject({ steps: 5, shards: 2 });
  });

  it('are missed with exit code 75 when they do not come', async () => {
    const { code, stderr } = await lockstep(tinyRun('--workers', '0', '--worker-timeout', '1', '--quiet').args);
    expect(code).toBe(75);
    expect(stderr).toMatch(/^lockstep: 0 of 1 workers were ready after 1 seconds; .*\n$/);
  });

  it('that belong to another run are turned away', async () => {
    const coordinator = new LockstepProcess(tinyRun('--workers', '0', '--json').args);
    const endpoint = String((await coordinator.event(({ event }) => event === 'start'))['endpoint']);
    const worker = await lockstep(['worker', '--coordinator', endpoint, '--run', 'another']);
    expect(worker.code).toBe(76);
    expect(worker.stderr).toContain('belongs to run another');
    coordinator.child.kill('SIGINT');
    expect((await coordinator.end()).code).toBe(0);
  });
});
