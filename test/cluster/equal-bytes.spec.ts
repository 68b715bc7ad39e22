/**
 * The heart of it: the number of workers, the order of arrival and the loss of a worker change no bit of the
 * result.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENGINES, isMissing } from './engines.js';
import {
  lockstep,
  LockstepProcess,
  readJson,
  journalOf,
  stepsOf,
  temporaryFolder,
  waitFor,
  writeText,
} from './lockstep-process.js';

/** Weights of a checkpoint as one vector. */
function weightsOf(run: string, step: number): Float32Array {
  const name = `step-${String(step).padStart(6, '0')}`;
  const file = readFileSync(join(run, 'checkpoints', name, 'weights.safetensors'));
  const bytes = file.subarray(8 + Number(file.readBigUInt64LE(0)));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

describe.each(ENGINES)('on the %s engine', (engine) => {
  const train = async (folder: string, name: string, ...args: readonly string[]): Promise<string> => {
    const run = join(folder, name);
    const common = [
      '--text',
      join(folder, 'text.txt'),
      '--preset',
      'tiny',
      '--engine',
      engine,
      '--sample-length',
      '0',
      '--quiet',
    ];
    const { code, stderr } = await lockstep(['train', ...common, '--run-dir', run, ...args]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return run;
  };
  const shaOf = (run: string): unknown => readJson(run, 'summary.json')['weightsSha256'];

  it.skipIf(isMissing(engine))('20 steps in 4 shards end with the same bytes on 1, 2 and 4 workers', async () => {
    const folder = temporaryFolder();
    writeText(folder);
    const common = ['--shards', '4', '--steps', '20', '--digest-every', '1'];
    const runs: string[] = [];
    for (const workers of [1, 2, 4])
      runs.push(await train(folder, `w${workers}`, ...common, '--workers', String(workers)));
    expect(new Set(runs.map(shaOf)).size).toBe(1);
    const digests = runs.map((run) =>
      stepsOf(run)
        .map(({ weightsDigest }) => weightsDigest)
        .join(),
    );
    expect(new Set(digests).size).toBe(1);
  });

  it.skipIf(isMissing(engine))(
    'so do they in bfloat16, by star and by mesh, and not with those of float32',
    async () => {
      const folder = temporaryFolder();
      writeText(folder);
      const common = ['--shards', '4', '--steps', '20', '--wire', 'bfloat16'];
      const ways = [
        ['1', 'star'],
        ['1', 'mesh'],
        ['2', 'mesh'],
        ['3', 'mesh'],
        ['3', 'star'],
      ] as const;
      const runs: string[] = [];
      for (const [workers, topology] of ways) {
        const how = ['--workers', workers, '--topology', topology];
        runs.push(await train(folder, `${topology}${workers}`, ...common, ...how));
      }
      const shas = new Set(runs.map(shaOf));
      expect(shas.size).toBe(1);
      const exact = await train(
        folder,
        'float32',
        '--shards',
        '4',
        '--steps',
        '20',
        '--workers',
        '3',
        '--topology',
        'mesh',
      );
      expect(shas).not.toContain(shaOf(exact));
    },
  );

  it.skipIf(isMissing(engine))('the same run twice ends with the same bytes, another seed with others', async () => {
    const folder = temporaryFolder();
    writeText(folder);
    const first = shaOf(await train(folder, 'first'));
    expect(shaOf(await train(folder, 'second'))).toBe(first);
    expect(shaOf(await train(folder, 'other', '--seed', '2'))).not.toBe(first);
  });

  it.skipIf(isMissing(engine))('uneven shards (22, 21 and 21 rows) agree with one worker', async () => {
    const folder = temporaryFolder();
    writeText(folder);
    const common = ['--batch-size', '64', '--steps', '10'];
    const one = weightsOf(await train(folder, 'one', ...common, '--workers', '1'), 10);
    const run = await train(folder, 'three', ...common, '--workers', '3');
    expect(journalOf(run).find(({ kind }) => kind === 'plan')).toMatchObject({
      shards: [
        [0, 22],
        [22, 43],
        [43, 64],
      ],
    });
    const three = weightsOf(run, 10);
    const largest = one.reduce((most, value, i) => Math.max(most, Math.abs(value - (three[i] ?? Number.NaN))), 0);
    expect(largest).toBeLessThanOrEqual(1e-5);
  });

  it.skipIf(isMissing(engine))('a worker killed in the middle changes no bit', async () => {
    const folder = temporaryFolder();
    writeText(folder);
    const common = ['--shards', '4', '--steps', '40', '--workers', '2'];
    const calm = shaOf(await train(folder, 'calm', ...common));
    const run = join(folder, 'disturbed');
    const text = ['--text', join(folder, 'text.txt'), '--preset', 'tiny', '--engine', engine, '--sample-length', '0'];
    const process = new LockstepProcess(['train', ...text, ...common, '--run-dir', run, '--json']);
    const prepared = await process.event(
      ({ event, status, worker }) => event === 'worker' && status === 'preparing' && worker === 1,
    );
    const pid = Number(/pid (\d+)/.exec(String(prepared['detail']))?.[1]);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 5);
    globalThis.process.kill(pid, 'SIGKILL');
    expect((await process.end()).code).toBe(0);
    expect(process.events.some(({ event, status }) => event === 'worker' && status === 'gone')).toBe(true);
    expect(shaOf(run)).toBe(calm);
  });
});

describe('a worker that joins late', () => {
  it('is levelled from the lead and changes no bit', async () => {
    const folder = temporaryFolder();
    writeText(folder);
    const text = [
      '--text',
      join(folder, 'text.txt'),
      '--preset',
      'tiny',
      '--engine',
      'wasm',
      '--sample-length',
      '0',
      '--digest-every',
      '1',
    ];
    const start = (name: string): LockstepProcess =>
      new LockstepProcess([
        'train',
        ...text,
        '--shards',
        '4',
        '--steps',
        '400',
        '--workers',
        '1',
        '--run-dir',
        join(folder, name),
        '--json',
      ]);
    const alone = start('alone');
    const joined = start('joined');
    const endpoint = String((await joined.event(({ event }) => event === 'start'))['endpoint']);
    const late = new LockstepProcess(['worker', '--coordinator', endpoint]);
    await joined.event(({ event, worker, status }) => event === 'worker' && worker === 1 && status === 'ready');
    expect((await joined.end()).code).toBe(0);
    expect((await late.end()).code).toBe(0);
    await alone.end();
    expect(readJson(folder, 'joined', 'summary.json')['weightsSha256']).toBe(
      readJson(folder, 'alone', 'summary.json')['weightsSha256'],
    );
    await waitFor('the log of the late worker', () => late.stderr.includes('looking for the coordinator'));
  });
});
