/** Logs of real runs: whose failure came first, and what `lockstep logs` shows of one process, of all, as it comes. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  lockstep,
  LockstepProcess,
  readJson,
  temporaryFolder,
  tinyRun,
  waitFor,
  workersOf,
} from './lockstep-process.js';
import type { JsonEvent } from './lockstep-process.js';

/** Nobody is started again, so that the run ends by what its workers do. */
const NO_RESTARTS = ['--max-faults', '0', '--max-preemptions', '0'];
const faults = (text: string): NodeJS.ProcessEnv => ({
  LOCKSTEP_FAULTS: text,
  LOCKSTEP_FAULTS_LOG: join(temporaryFolder(), 'faults.log'),
});
const isFailure = ({ event }: JsonEvent): boolean => event === 'failure';

/** The records of a log, and raw lines as text. */
function logOf(run: string, name: string): readonly (Record<string, unknown> | string)[] {
  const lines = readFileSync(join(run, 'logs', `${name}.log`), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : line));
}

describe('a run that fails', () => {
  it('says first who failed first, with its stack and its log; the others said the same', async () => {
    const { run, args } = tinyRun('--steps', '40', '--workers', '3', '--shards', '3', ...NO_RESTARTS);
    // The first one throws at once, the others only after it.
    const env = faults('W6:step=3:worker=local-1:throw,W6:from=4:times=9:throw,W7:step=3:times=9:hang=1000');
    const { code, stdout, stderr } = await lockstep(args, { env });
    expect(code).toBe(75);
    const lines = stdout.trimEnd().split('\n');
    const first = lines.findIndex((line) => line.startsWith('first to fail: '));
    expect(lines[first]).toMatch(
      /^first to fail: worker \d \(local-1, pid \d+ on \S+\) at .*: a fault was asked for at W6$/,
    );
    expect(lines[first + 1]).toBe('    LockstepError: a fault was asked for at W6');
    expect(lines[first + 2]).toMatch(/^ +at strike .*fault-points/);
    const log = lines.indexOf('its log ended with:');
    expect(log).toBeGreaterThan(first);
    expect(lines[log + 1]).toMatch(/^ +\S+Z info {2}looking for the coordinator at /);
    expect(lines.slice(log)).toContainEqual(expect.stringMatching(/Z error step 4: a fault was asked for at W6$/));
    expect(lines.at(-2)).toMatch(/^workers \d(-|, )\d said the same$/);
    expect(lines.at(-1)).toBe(`all of it: lockstep logs --run ${run}`);
    // Nothing else has a stack, and the last word is one line as ever.
    expect(stdout.match(/^ +at strike /gm)).toHaveLength(1);
    expect(stderr).toMatch(/^lockstep: local worker \d .* ended by exit code 70; .*\n$/);
  });

  it('reads the log of a worker that is killed or dies of a bug, and tells programs by an event', async () => {
    const { args } = tinyRun('--steps', '40', '--workers', '2', '--json', ...NO_RESTARTS);
    const process = new LockstepProcess(args, { env: faults('W6:step=2:worker=local-0:kill,W10:from=4:throw') });
    expect((await process.end()).code).toBe(75);
    const failures = process.events.filter(isFailure);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ name: 'local-0', what: 'ended by SIGKILL', stack: '', times: 1, same: [] });
    expect(failures[0]?.['log']).toContainEqual(expect.stringMatching(/ info {2}joined run /));
    expect(failures[0]?.['others']).toMatchObject([
      { workers: [{ name: 'local-1' }], what: expect.stringContaining('W10') },
    ]);
    expect(process.events.slice(-2)).toMatchObject([failures[0], { event: 'failed', exitCode: 75 }]);
  });

  it('keeps what libraries print, and shows it as raw', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '1', '--json', ...NO_RESTARTS);
    const preload = join(temporaryFolder(), 'noise.cjs');
    writeFileSync(
      preload,
      `if (process.argv.includes('worker')) require('fs').writeSync(2, 'OMP: noise \\u001b[31m\\n');`,
    );
    const process = new LockstepProcess(args, { env: { NODE_OPTIONS: `--require ${preload}` } });
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    const [pid] = workersOf(String(readJson(run, 'run.json')['runId']));
    globalThis.process.kill(pid, 'SIGABRT');
    await process.end();
    expect(process.events.find(isFailure)).toMatchObject({
      what: 'ended by SIGABRT',
      log: expect.arrayContaining([expect.stringMatching(/Z raw {3}OMP: noise \\u001b\[31m$/)]),
    });
    const { stdout } = await lockstep(['logs', '--run', run, '--level', 'warn']);
    expect(stdout).toMatch(/Z raw {3}worker 0 {5}OMP: noise \\u001b\[31m$/m);
    expect(stdout).toMatch(/Z warn {2}supervisor .* ended by SIGABRT/);
    expect(stdout).not.toMatch(/Z info/);
  });
});

describe('lockstep logs', () => {
  it('shows all processes by time, or one, at a level, in lines or as JSON', async () => {
    const { run, args } = tinyRun('--steps', '6', '--workers', '1', '--log-level', 'debug');
    expect((await lockstep(args, { env: faults('W6:step=2:throw') })).code).toBe(0);
    const records = (text: string): Record<string, unknown>[] =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const all = records((await lockstep(['logs', '--run', run, '--json', '--lines', '10000'])).stdout);
    const times = all.map(({ time }) => String(time));
    expect(times).toEqual([...times].sort());
    expect(new Set(all.map(({ log }) => log))).toEqual(new Set(['coordinator', 'supervisor', 'worker-0']));
    expect(all).toContainEqual(
      expect.objectContaining({ log: 'worker-0', level: 'debug', step: 6, process: 'worker' }),
    );
    // Both lives of the worker that failed, and nothing twice.
    const joined = all.filter(({ log, msg }) => log === 'worker-0' && /^joined /.test(String(msg)));
    expect(joined).toHaveLength(2);
    expect(new Set(joined.map(({ pid }) => pid)).size).toBe(2);
    for (const name of ['0', 'worker 0', 'worker-0', 'local-0']) {
      const { stdout } = await lockstep(['logs', ...name.split(' '), '--run', run, '--level', 'error']);
      expect(stdout).toMatch(
        /^-- .* --\n\S+Z error worker 0 {5}step 3: a fault was asked for at W6\n {4}LockstepError: /,
      );
      expect(stdout.match(/Z fatal/g)).toHaveLength(1);
    }
    const { stdout } = await lockstep(['logs', 'coordinator', '--run', run, '-n', '3']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(4);
    expect(stdout).toMatch(/Z info {2}coordinator {2}done after 6 steps/);
    expect((await lockstep(['logs', '7', '--run', run])).stderr).toMatch(
      /^lockstep: .* no log of worker 7; .*worker 0\n$/,
    );
    expect((await lockstep(['logs', 'nobody', '--run', run])).code).toBe(64);
  });

  it('follows a run over a restart of its coordinator, workers that come later included', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '1', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    const follower = new LockstepProcess(['logs', '--follow', '--run', run]);
    const shows = async (pattern: RegExp): Promise<unknown> =>
      waitFor(`${String(pattern)} in ${follower.stdout}`, () => pattern.test(follower.stdout));
    await shows(/worker 0 +joined run/);
    const { coordinator } = readJson(run, 'run.json') as { coordinator: { pid: number } };
    globalThis.process.kill(coordinator.pid, 'SIGKILL');
    await shows(/supervisor +the coordinator \(pid \d+\) ended by SIGKILL/);
    await shows(/supervisor +the coordinator leads at .* \(term 2\)/);
    await process.event(({ event }) => event === 'recovered');
    expect((await lockstep(['scale', '2', run])).code).toBe(0);
    await shows(/worker 1 +joined run/);
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    await shows(/supervisor +the run is stopped/);
    follower.child.kill('SIGINT');
    expect(await follower.end()).toMatchObject({ code: 0, stderr: '' });
    const lines = follower.stdout.split('\n');
    expect(lines.filter((line) => /worker 0 +joined run/.test(line)).length).toBeGreaterThan(0);
    expect(new Set(lines).size).toBeGreaterThan(0.9 * lines.length);
  });
});

describe('logging', () => {
  it('never ends a run, not even when its folder is removed', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '2', '--json', '--log-level', 'debug');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    rmSync(join(run, 'logs'), { recursive: true });
    const made = process.events.filter(({ event }) => event === 'step').length;
    await process.event(({ event, step }) => event === 'step' && Number(step) >= made + 50);
    process.child.kill('SIGINT');
    expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(run, 'logs'))).toBe(false);
  });

  it('of a worker of another machine goes to standard error, for people or as JSON', async () => {
    const { run, args } = tinyRun(
      '--steps',
      '1000000',
      '--workers',
      '0',
      '--min-workers',
      '2',
      '--shards',
      '2',
      '--json',
    );
    const process = new LockstepProcess(args);
    const { endpoint } = await process.event(({ event }) => event === 'start');
    const join = ['worker', '--coordinator', String(endpoint), '--name'];
    const people = new LockstepProcess([...join, 'people']);
    const programs = new LockstepProcess([...join, 'programs', '--log-format', 'json', '--log-level', 'debug']);
    await waitFor('a step of each', () => /gradient done/.test(programs.stderr) && /joined/.test(people.stderr));
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    const [friendly, json] = await Promise.all([people.end(), programs.end()]);
    const lines = friendly.stderr.split('\n').map((line) => line.replace(/^worker pid \d+: /, ''));
    expect(lines[0]).toMatch(/^looking for the coordinator at tcp:/);
    expect(lines[2]).toMatch(/^joined run \S+ as worker \d$/);
    const records = json.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records[0]).toMatchObject({ level: 'info', process: 'worker', name: 'programs', pid: programs.pid });
    expect(records).toContainEqual(
      expect.objectContaining({ level: 'debug', step: expect.any(Number), shard: expect.any(Number) }),
    );
    expect(logOf(run, 'coordinator').length).toBeGreaterThan(0);
  });
});
