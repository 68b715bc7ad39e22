/** TensorBoard itself, from PyPI, reads what a run has written for it. Where it cannot be had the test says so. */
import { ensureVenv } from '../bench/peers/venv.js';
import type { VenvPlan } from '../bench/peers/venv.js';
import { HarmedRun } from '../faults/runs.js';
import { lockstep, readJson, stepsOf, temporaryFolder, tinyRun } from '../cluster/lockstep-process.js';
import { run as runProgram } from '../../tools/command.mjs';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';

const READER = fileURLToPath(new URL('./read_event_files.py', import.meta.url));
const READ_DEADLINE_MS = 60_000;

const TENSORBOARD: VenvPlan = {
  name: 'tensorboard-2.21.0',
  installs: [
    [
      ...['--no-deps', 'tensorboard==2.21.0', 'tensorboard-data-server==0.7.2', 'absl-py==2.5.1', 'grpcio==1.85.1'],
      ...['Markdown==3.11.3', 'MarkupSafe==3.0.4', 'numpy==2.4.6', 'packaging==26.3', 'pillow==13.0.0'],
      ...['protobuf==7.36.2', 'typing_extensions==4.16.0', 'Werkzeug==3.1.9'],
    ],
  ],
};

interface Found {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number, wallSeconds: number])[]>>;
  readonly texts: Readonly<Record<string, readonly (readonly [step: number, text: string])[]>>;
  readonly plugins: Readonly<Record<string, string>>;
}

async function pythonWithTensorBoard(context: TestContext): Promise<string> {
  try {
    return join(await ensureVenv(TENSORBOARD, (line) => process.stderr.write(`${line}\n`)), 'bin/python');
  } catch (thrown) {
    const reason = `TensorBoard cannot be installed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    process.stderr.write(`${context.task.name}: skipped, ${reason}\n`);
    return context.skip(reason);
  }
}

async function readBoard(python: string, folder: string): Promise<Found> {
  const { exitCode, output } = await runProgram(python, [READER, folder], {
    cwd: temporaryFolder(),
    deadlineMs: READ_DEADLINE_MS,
  });
  expect(exitCode, output).toBe(0);
  return JSON.parse(output.slice(output.indexOf('{"scalars"'))) as Found;
}

/** What Markdown shows as it is. */
const unindented = (text: string | undefined): string => (text ?? '').replaceAll(/^ {4}/gm, '');

describe('TensorBoard', () => {
  it('finds every step of a run once, whose coordinator is killed and that is resumed', async (context) => {
    const python = await pythonWithTensorBoard(context);
    const board = temporaryFolder();
    const fixed = ['--shards', '2', '--topology', 'star', '--validation-fraction', '0.1', '--sample-length', '40'];
    const { run, args } = tinyRun(...fixed, '--steps', '40', '--tensorboard', board);
    const harmed = new HarmedRun(run, args, 'C4:step=25:kill');
    expect((await harmed.process.end()).code).toBe(0);
    expect(harmed.strikes).toHaveLength(1);
    expect((await lockstep(['train', '--resume', run, '--steps', '50', '--quiet'])).code).toBe(0);

    const [name = '', ...others] = readdirSync(board);
    expect(others).toEqual([]);
    expect(name).toMatch(/^run-[0-9a-f]{8}$/);
    expect(readdirSync(join(board, name))).toHaveLength(3);
    const { scalars, texts, plugins } = await readBoard(python, join(board, name));

    const journal = stepsOf(run);
    expect(journal).toHaveLength(50);
    const journalled = (field: string): readonly unknown[] =>
      journal.map((line) => [line['step'], Math.fround(Number(line[field]))]);
    const read = (tag: string): readonly (readonly [number, number])[] =>
      (scalars[tag] ?? []).map(([step, value]) => [step, value]);
    expect(read('loss/train')).toEqual(journalled('loss'));
    expect(read('gradient_norm')).toEqual(journalled('gradientNorm'));
    expect(read('step_seconds')).toEqual(journalled('seconds'));
    expect(read('rate/characters_per_second')).toHaveLength(50);
    const times = (scalars['loss/train'] ?? []).map(([, , wallSeconds]) => wallSeconds);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(600);
    expect(Math.abs(Date.now() / 1000 - (times.at(-1) ?? 0))).toBeLessThan(600);

    const told = harmed.process.events;
    const validation = told.find(({ event }) => event === 'validation');
    // A run that goes on from its end takes the loss there again.
    const validations = new Map(read('loss/validation').map((point) => [String(point), point]));
    expect([...validations.values()]).toEqual([
      [40, Math.fround(Number(validation?.['loss']))],
      [50, expect.any(Number)],
    ]);
    const sample = told.find(({ event }) => event === 'sample');
    expect(texts['sample']?.map(([step]) => step)).toEqual([40, 50]);
    expect(unindented(texts['sample']?.[0]?.[1])).toBe(`${String(sample?.['prime'])}${String(sample?.['text'])}`);
    expect(texts['config']).toHaveLength(1);
    expect(JSON.parse(unindented(texts['config']?.[0]?.[1]))).toMatchObject({ config: readJson(run, 'config.json') });
    expect(plugins).toEqual({ config: 'text', sample: 'text' });
  });

  it('finds the whole curve of a run that began without it', async (context) => {
    const python = await pythonWithTensorBoard(context);
    const { run, args } = tinyRun('--shards', '2', '--steps', '20', '--sample-length', '0');
    expect((await lockstep([...args, '--quiet'])).code).toBe(0);
    const board = temporaryFolder();
    const more = ['--resume', run, '--steps', '25', '--tensorboard', board, '--quiet'];
    expect((await lockstep(['train', ...more])).code).toBe(0);
    const { scalars } = await readBoard(python, join(board, readdirSync(board)[0] ?? ''));
    const journal = stepsOf(run).map(({ step, loss }) => [step, Math.fround(Number(loss))]);
    expect(journal).toHaveLength(25);
    expect(scalars['loss/train']?.map(([step, value]) => [step, value])).toEqual(journal);
  });
});
