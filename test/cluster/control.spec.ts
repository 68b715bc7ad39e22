/** Changing a run while it goes on: more workers, fewer, other shards; the journal still tells how to get there. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  journalOf,
  lockstep,
  LockstepProcess,
  readJson,
  removeCheckpointsBut,
  stepsOf,
  temporaryFolder,
  tinyRun,
  waitFor,
  workersOf,
} from './lockstep-process.js';

interface Running {
  readonly run: string;
  readonly runId: string;
  readonly process: LockstepProcess;
}

async function start(...more: readonly string[]): Promise<Running> {
  const { run, args } = tinyRun('--steps', '1000000', '--sample-length', '0', '--json', ...more);
  const process = new LockstepProcess(args);
  const runId = String((await process.event(({ event }) => event === 'start'))['runId']);
  await committed(process, 3);
  return { run, runId, process };
}

/** Waits until that many steps are committed. */
async function committed(process: LockstepProcess, steps: number): Promise<void> {
  await process.event(({ event, step }) => event === 'step' && Number(step) >= steps);
}

const madeBy = (process: LockstepProcess): number => process.events.filter(({ event }) => event === 'step').length;

async function stop({ process, run }: Running): Promise<void> {
  process.child.kill('SIGINT');
  expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
  expect(readJson(run, 'summary.json')['result']).toBe('stopped');
}

describe('lockstep scale', () => {
  it('starts workers and lets them go, and none of it is a failure', async () => {
    const running = await start('--workers', '1', '--shards', '4', '--max-faults', '0', '--max-preemptions', '0');
    const { process, run, runId } = running;
    const up = await lockstep(['scale', '3', run]);
    expect(up).toMatchObject({ code: 0, stderr: '' });
    expect(up.stdout).toBe('3 local workers: local-1, local-2 started\n');
    await waitFor('three workers to be ready', () => readyIn(run) === 3);
    const down = await lockstep(['scale', '1', run]);
    expect(down).toMatchObject({ code: 0, stdout: '1 local worker: local-2, local-1 told to leave\n' });
    await waitFor('one worker to be left', () => workersOf(runId).length === 1);
    await committed(process, madeBy(process) + 5);
    expect(process.events.some(({ event, status }) => event === 'worker' && status === 'gone')).toBe(false);
    expect(process.events.filter(({ event, status }) => event === 'worker' && status === 'left')).toHaveLength(2);
    await stop(running);
  });
});

describe('lockstep drain', () => {
  it('lets one worker go, by name or number, and nobody takes its place', async () => {
    const running = await start('--workers', '3', '--shards', '3');
    const { process, run, runId } = running;
    const drained = await lockstep(['drain', 'local-1', run]);
    expect(drained).toMatchObject({ code: 0, stderr: '' });
    expect(drained.stdout).toContain('local-1');
    await waitFor('two workers to be left', () => workersOf(runId).length === 2);
    await committed(process, madeBy(process) + 5);
    expect(workersOf(runId)).toHaveLength(2);
    await waitFor('its run file to show two workers', () => readyIn(run) === 2);
    const shown = await lockstep(['status', run]);
    expect(shown.stdout).toContain('local-0');
    expect(shown.stdout).not.toContain('local-1');
    const none = await lockstep(['drain', 'local-7', run]);
    expect(none.code).toBe(64);
    expect(none.stderr).toMatch(/^lockstep: there is no worker local-7; there are: .*local-0.*\n$/);
    await stop(running);
  });
});

describe('lockstep status', () => {
  it('shows nothing that is older than the question', async () => {
    const running = await start('--workers', '1');
    for (let times = 0; times < 4; times += 1) {
      const askedAtMs = Date.now();
      const { stdout } = await lockstep(['status', running.run, '--json']);
      const { updatedAt } = JSON.parse(stdout) as { updatedAt: string };
      expect(Date.parse(updatedAt)).toBeGreaterThanOrEqual(askedAtMs);
    }
    await stop(running);
  });
});

describe('lockstep reshard', () => {
  it('cuts the batch anew from a step on, and the journal alone repeats the run to the same bytes', async () => {
    const running = await start('--workers', '2', '--shards', '2');
    const { process, run } = running;
    const resharded = await lockstep(['reshard', '4', run]);
    expect(resharded).toMatchObject({ code: 0, stderr: '' });
    await process.event(({ event, shards }) => event === 'plan' && shards === 4);
    await committed(process, madeBy(process) + 20);
    const impossible = await lockstep(['reshard', '9', run]);
    expect(impossible.code).toBe(64);
    expect(impossible.stderr).toMatch(/^lockstep: .*8.*\n$/);
    await stop(running);
    const plans = journalOf(run).filter(({ kind }) => kind === 'plan');
    expect(plans.map(({ shards }) => (shards as unknown[]).length)).toEqual([2, 4]);
    const counts = new Set(stepsOf(run).map(({ shardDigests }) => (shardDigests as unknown[]).length));
    expect(counts).toEqual(new Set([2, 4]));

    const copy = join(temporaryFolder(), 'copy');
    cpSync(run, copy, { recursive: true });
    removeCheckpointsBut(copy, 0);
    const steps = String(readJson(run, 'summary.json')['steps']);
    const replay = new LockstepProcess(['train', '--resume', copy, '--steps', steps, '--workers', '1', '--json']);
    expect(await replay.end()).toMatchObject({ code: 0, stderr: '' });
    expect(replay.events.find(({ event }) => event === 'recovered')).toMatchObject({ from: 'checkpoint', step: 0 });
    const sums = [run, copy].map((directory) => readJson(directory, 'summary.json')['weightsSha256']);
    expect(sums[1]).toBe(sums[0]);
  });
});

describe('a command for a run that takes none', () => {
  it('that has ended: 69', async () => {
    const { run, args } = tinyRun('--steps', '1', '--quiet');
    await lockstep(args);
    for (const command of [
      ['scale', '2'],
      ['drain', '0'],
      ['reshard', '1'],
    ]) {
      const { code, stderr } = await lockstep([...command, run]);
      expect(code).toBe(69);
      expect(stderr).toMatch(/^lockstep: the run in .* has ended \(done after step 1\); lockstep train --resume .*\n$/);
    }
  });

  it('with a number that is none: 64', async () => {
    expect((await lockstep(['scale', 'many', 'nowhere'])).stderr).toMatch(/^lockstep: many is not usable; .*\n$/);
    expect((await lockstep(['reshard', '0', 'nowhere'])).code).toBe(64);
  });
});

function readyIn(run: string): number {
  const { workers } = readJson(run, 'run.json');
  return (workers as { state: string }[]).filter(({ state }) => state === 'ready').length;
}
