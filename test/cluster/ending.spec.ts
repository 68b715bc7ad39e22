/**
 * However a run ends, it ends as promised: with a checkpoint where there is time for one, and without leaving a
 * process behind.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  lockstep,
  LockstepProcess,
  processesOf,
  readJson,
  temporaryFolder,
  tinyRun,
  waitFor,
  workersOf,
  writeText,
} from './lockstep-process.js';

/** More steps than any test waits for. */
const ENDLESS = ['--steps', '1000000', '--json'];

const ascending = (a: number, b: number): number => a - b;

interface Running {
  readonly process: LockstepProcess;
  readonly run: string;
  readonly runId: string;
}

async function startEndless(): Promise<Running> {
  const { run, args } = tinyRun(...ENDLESS);
  const process = new LockstepProcess(args);
  const runId = String((await process.event(({ event }) => event === 'start'))['runId']);
  await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
  expect(workersOf(runId)).toHaveLength(2);
  return { process, run, runId };
}

describe('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'once (%s): finishes the step, writes a checkpoint, leaves with 0',
    async (signal) => {
      const { process, run, runId } = await startEndless();
      process.child.kill(signal);
      expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
      expect(process.events.filter(({ event }) => event === 'warning')).toEqual([]);
      const { steps, result } = readJson(run, 'summary.json');
      expect(result).toBe('stopped');
      expect(readdirSync(join(run, 'checkpoints'))).toContain(`step-${String(steps).padStart(6, '0')}`);
      expect(readJson(run, 'run.json')['state']).toBe('stopped');
      expect(existsSync(join(run, 'lock.json'))).toBe(false);
      expect(processesOf(runId)).toEqual([]);
    },
  );

  it('on a terminal, where every process of the group gets it and npm passes it on, still counts once', async () => {
    const { process, runId } = await startEndless();
    for (const pid of [process.pid, ...processesOf(runId), process.pid]) globalThis.process.kill(pid, 'SIGINT');
    expect((await process.end()).code).toBe(0);
    expect(processesOf(runId)).toEqual([]);
  });

  it('when nobody holds the weights any more: counts the steps of the last checkpoint it names', async () => {
    const { run, args } = tinyRun(...ENDLESS, '--workers', '0', '--min-workers', '1', '--checkpoint-every', '5');
    const process = new LockstepProcess(args);
    const endpoint = String((await process.event(({ event }) => event === 'start'))['endpoint']);
    const worker = new LockstepProcess(['worker', '--coordinator', endpoint]);
    await process.event(({ event, step }) => event === 'checkpoint' && Number(step) >= 10);
    await process.event(({ event, step }) => event === 'step' && Number(step) % 5 === 3);
    worker.child.kill('SIGKILL');
    await process.event(({ event, status }) => event === 'worker' && status === 'gone');
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    const { steps, weightsSha256 } = readJson(run, 'summary.json');
    const manifest = readJson(join(run, 'checkpoints', `step-${String(steps).padStart(6, '0')}`), 'manifest.json');
    expect(manifest['weightsSha256']).toBe(weightsSha256);
  });

  it('twice: leaves at once, and leaves nothing behind', async () => {
    const { process, runId } = await startEndless();
    // A worker that does not answer any more would hold the first Ctrl-C up.
    for (const pid of workersOf(runId)) globalThis.process.kill(pid, 'SIGSTOP');
    process.child.kill('SIGINT');
    await process.event(({ event, text }) => event === 'notice' && String(text).startsWith('stopping'));
    await delay(600);
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(75);
    await waitFor('everything to end', () => processesOf(runId).length === 0);
  });
});

describe('an output or a terminal that goes away', () => {
  it('a reader that stops reading: ends well, with a checkpoint', async () => {
    const { process, run } = await startEndless();
    process.child.stdout?.destroy();
    const { code } = await process.end();
    expect(code).toBe(0);
    const { steps, result } = readJson(run, 'summary.json');
    expect(result).toBe('stopped');
    expect(existsSync(join(run, 'checkpoints', `step-${String(steps).padStart(6, '0')}`, 'manifest.json'))).toBe(true);
  });

  it('SIGHUP to the whole group: ends well, with a checkpoint', async () => {
    const { process, run, runId } = await startEndless();
    for (const pid of [...processesOf(runId), process.pid]) globalThis.process.kill(pid, 'SIGHUP');
    expect((await process.end()).code).toBe(0);
    expect(readJson(run, 'summary.json')['result']).toBe('stopped');
    expect(processesOf(runId)).toEqual([]);
  });

  it('SIGTERM before the first step ends at once', async () => {
    const process = new LockstepProcess(tinyRun(...ENDLESS).args);
    await process.event(({ event }) => event === 'start');
    process.child.kill('SIGTERM');
    expect((await process.end()).code).toBe(0);
  });
});

describe('divergence', () => {
  it('ends with 65 and says what to do', async () => {
    const { args, run } = tinyRun('--steps', '50', '--optimizer', 'sgd', '--learning-rate', '1e30', '--quiet');
    const { code, stderr } = await lockstep(args);
    expect(stderr).toMatch(/^lockstep: training diverged at step \d+: .*--learning-rate.*\n$/);
    expect(code).toBe(65);
    expect(existsSync(join(run, 'checkpoints', 'step-000000', 'manifest.json'))).toBe(true);
  });
});

describe('killed hard', () => {
  it('lockstep train: nothing that it started lives 5 seconds later', async () => {
    const { process, runId } = await startEndless();
    process.child.kill('SIGKILL');
    await process.end();
    await delay(5_000);
    expect(processesOf(runId)).toEqual([]);
  });
});

describe('lockstep status and stop', () => {
  it('show a run and end it from another process', async () => {
    const { process, run, runId } = await startEndless();
    await waitFor('the run file to show the steps', () => Number(readJson(run, 'run.json')['step']) > 0);
    const shown = JSON.parse((await lockstep(['status', run, '--json'])).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ runId, state: 'running', alive: true, term: 1, supervisor: { pid: process.pid } });
    expect((shown['workers'] as { pid: number }[]).map(({ pid }) => pid).sort(ascending)).toEqual(
      [...workersOf(runId)].sort(ascending),
    );
    expect((await lockstep(['status', run])).stdout).toContain('characters a second');
    const stopped = await lockstep(['stop', run]);
    expect(stopped).toMatchObject({ code: 0, stdout: `${run} has ended (stopped)\n` });
    expect((await process.end()).code).toBe(0);
    expect((await lockstep(['stop', run])).stdout).toMatch(/has ended already \(stopped after step \d+\)/);
  });

  it('take the latest run below runs/, whatever else lies there', async () => {
    const folder = temporaryFolder();
    const text = ['--text', writeText(folder), '--preset', 'tiny', '--engine', 'wasm', '--steps', '1', '--quiet'];
    expect((await lockstep(['train', ...text], { cwd: folder })).code).toBe(0);
    mkdirSync(join(folder, 'runs', 'of-another-version'));
    writeFileSync(join(folder, 'runs', 'of-another-version', 'run.json'), '{"formatVersion":1}');
    const shown = await lockstep(['status'], { cwd: folder });
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/state +done/);
    expect((await lockstep(['status', join('runs', 'of-another-version')], { cwd: folder })).code).toBe(65);
  });

  it('tell a run that was killed from one that goes on', async () => {
    const { process, run } = await startEndless();
    process.child.kill('SIGKILL');
    await process.end();
    const shown = JSON.parse((await lockstep(['status', run, '--json'])).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ state: 'died', alive: false });
  });
});
