/**
 * Whoever of a run's processes dies, and however often, the others go on or come back, and the run ends with the bytes
 * of the run that nobody disturbed; or it says why it does not.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Comparison, HarmedRun } from '../faults/runs.js';
import {
  journalOf,
  lockstep,
  LockstepProcess,
  processesOf,
  readJson,
  temporaryFolder,
  tinyRun,
  waitFor,
  workersOf,
} from './lockstep-process.js';

const STEPS = 120;
const comparison = new Comparison(STEPS);

const runIdOf = ({ run }: HarmedRun): string => String(readJson(run, 'run.json')['runId']);

function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  globalThis.process.kill(pid, signal);
}

/** The process that leads the run now. */
function coordinatorOf({ run }: HarmedRun): number {
  return Number((readJson(run, 'run.json')['coordinator'] as { pid: number }).pid);
}

/** A run without an end of its own. */
async function endless(step: number, ...more: readonly string[]): Promise<HarmedRun> {
  const { run, args } = tinyRun('--steps', '1000000', ...more);
  const harmed = new HarmedRun(run, args, '');
  await harmed.step(step);
  return harmed;
}

const warningsOf = ({ process }: HarmedRun): string =>
  process.events
    .filter(({ event }) => event === 'warning')
    .map(({ text }) => String(text))
    .join('\n');

describe('a coordinator that is killed', () => {
  it('comes back, finds its workers where it left them, and loses no step', async () => {
    const harmed = comparison.harm('');
    await harmed.step(20);
    kill(coordinatorOf(harmed));
    await comparison.expectSame(harmed);
    const { process, run } = harmed;
    const how = { event: 'coordinator', detail: 'ended by SIGKILL' };
    expect(process.events.filter(({ event }) => event === 'coordinator')).toEqual([
      { ...how, status: 'lost', term: 1, downSeconds: 0 },
      { ...how, status: 'started', term: 2, downSeconds: expect.any(Number) as unknown },
    ]);
    const [recovered, ...more] = process.events.filter(({ event }) => event === 'recovered');
    expect(recovered).toMatchObject({ from: 'replicas' });
    expect(Number(recovered?.['step'])).toBeGreaterThanOrEqual(20);
    expect(more).toEqual([]);
    const terms = journalOf(run).filter(({ kind }) => kind === 'term');
    expect(terms.map(({ term }) => term)).toEqual([1, 2]);
    // The line of its term says how many steps were in the journal: none came before it and after it both.
    expect(Number(recovered?.['step'])).toBeGreaterThanOrEqual(Number(terms[1]?.['step']));
  });

  it('more often than its budget allows ends the run, which can be resumed', async () => {
    const harmed = comparison.harm('', '--max-coordinator-restarts', '1');
    await harmed.step(10);
    const first = coordinatorOf(harmed);
    kill(first);
    const second = await waitFor('another coordinator', () => {
      const pid = coordinatorOf(harmed);
      return pid !== first && pid;
    });
    kill(second);
    const { code, stderr } = await harmed.process.end();
    expect(stderr).toMatch(/^lockstep: the coordinator ended by SIGKILL; .*--max-coordinator-restarts.*--resume.*\n$/);
    expect(code).toBe(75);
    expect(processesOf(runIdOf(harmed))).toEqual([]);
    const resumed = await lockstep(['train', '--resume', harmed.run, '--quiet']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    comparison.expectSameResult(harmed.run);
  });

  it('by SIGTERM ends the run well, and its supervisor with it', async () => {
    const harmed = await endless(3);
    kill(coordinatorOf(harmed), 'SIGTERM');
    expect(await harmed.process.end()).toMatchObject({ code: 0, stderr: '' });
    expect(readJson(harmed.run, 'summary.json')['result']).toBe('stopped');
  });
});

describe('a supervisor that is killed', () => {
  it('takes everything with it within 5 seconds; the run goes on from its checkpoint to the same bytes', async () => {
    const harmed = comparison.harm('', '--checkpoint-every', '25');
    await harmed.step(60);
    kill(harmed.process.pid);
    await harmed.process.end();
    await delay(5_000);
    expect(processesOf(runIdOf(harmed))).toEqual([]);
    const before = journalOf(harmed.run).filter(({ kind }) => kind === 'step').length;
    expect(before).toBeGreaterThanOrEqual(60);
    const resumed = new LockstepProcess(['train', '--resume', harmed.run, '--json']);
    expect(await resumed.end()).toMatchObject({ code: 0, stderr: '' });
    comparison.expectSameResult(harmed.run);
    const [recovered] = resumed.events.filter(({ event }) => event === 'recovered');
    // What was journalled after the checkpoint is computed again, compared, and not journalled twice.
    expect(recovered).toMatchObject({ from: 'checkpoint', replayUntil: before });
    expect([50, 75, 100]).toContain(recovered?.['step']);
  });
});

describe('workers that are killed', () => {
  it('all at once: come back under their names, and the run ends with the same bytes', async () => {
    const harmed = comparison.harm('', '--checkpoint-every', '10');
    await harmed.step(30);
    const killed = workersOf(runIdOf(harmed));
    expect(killed).toHaveLength(2);
    for (const pid of killed) kill(pid);
    await comparison.expectSame(harmed);
    const details = harmed.process.events.filter(({ event, status }) => event === 'worker' && status === 'preparing');
    const names = details.map(({ detail }) => String(detail).split(',')[0]).sort();
    expect(names).toEqual(['local-0', 'local-0', 'local-1', 'local-1']);
  });

  it('with no budget for it: stay away, and the others do the work', async () => {
    const harmed = comparison.harm('', '--max-faults', '0');
    await harmed.step(10);
    kill(workersOf(runIdOf(harmed))[0] ?? 0);
    await comparison.expectSame(harmed);
    expect(warningsOf(harmed)).toMatch(/local-\d is not started again: .*SIGKILL.*--max-faults/);
  });

  it('with no budget for it and nobody left: the run ends with the reason, and can be resumed', async () => {
    const harmed = comparison.harm('', '--max-faults', '0');
    await harmed.step(10);
    for (const pid of workersOf(runIdOf(harmed))) kill(pid);
    const { code, stderr } = await harmed.process.end();
    expect(stderr).toMatch(/^lockstep: local worker \d .*SIGKILL.*--max-faults.*--resume.*\n$/);
    expect(code).toBe(75);
    expect(readJson(harmed.run, 'run.json')).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('SIGKILL'),
    });
    expect((await lockstep(['train', '--resume', harmed.run, '--quiet'])).code).toBe(0);
    comparison.expectSameResult(harmed.run);
  });

  it('by SIGTERM: leave in order, cost no fault, and come back', async () => {
    const harmed = await endless(10, '--max-faults', '0');
    const [pid = 0] = workersOf(runIdOf(harmed));
    kill(pid, 'SIGTERM');
    const { events } = harmed.process;
    expect(events.some(({ event, status }) => event === 'worker' && status === 'gone')).toBe(false);
    await harmed.process.event(({ event, status }) => event === 'worker' && status === 'left');
    await waitFor('another worker', () => workersOf(runIdOf(harmed)).filter((other) => other !== pid).length === 2);
    harmed.process.child.kill('SIGINT');
    expect((await harmed.process.end()).code).toBe(0);
  });

  it('that compute wrongly: stay away, and cost no fault', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--max-faults', '1');
    const harmed = new HarmedRun(run, args, 'W7:step=5:worker=local-0:nan');
    await harmed.process.event(({ event }) => event === 'quarantined');
    const pid = harmed.strikes[0]?.pid ?? 0;
    await waitFor('its end', () => !workersOf(runIdOf(harmed)).includes(pid));
    // The one restart is there for the other, which is not refused.
    const [other = 0] = workersOf(runIdOf(harmed));
    kill(other);
    const ready = (): number => harmed.process.events.filter(({ status }) => status === 'ready').length;
    await waitFor('another worker', () => ready() === 3);
    harmed.process.child.kill('SIGINT');
    expect((await harmed.process.end()).code).toBe(0);
    expect(warningsOf(harmed)).not.toContain('--max-faults');
  });

  it('that cannot do what is asked for end the run before its first step', async () => {
    const { args } = tinyRun('--workers', '2', '--quiet');
    const env = { LOCKSTEP_FAULTS: 'W0:exit=78', LOCKSTEP_FAULTS_LOG: join(temporaryFolder(), 'log') };
    const { code, stderr } = await lockstep(args, { env });
    expect(stderr).toMatch(/^lockstep: local worker \d .*ended by exit code 78; its log is .*\n$/);
    expect(code).toBe(78);
  });
});

describe('a run directory', () => {
  it('that vanishes during the run ends it, with the reason', async () => {
    const harmed = await endless(5);
    const kept = join(temporaryFolder(), 'kept');
    cpSync(harmed.run, kept, { recursive: true });
    rmSync(harmed.run, { recursive: true, force: true });
    const { code, stderr } = await harmed.process.end();
    expect(stderr).toMatch(/^lockstep: [^\n]+\n$/);
    expect(stderr).toContain(`the run directory ${harmed.run} was removed, or its files, while the run went on;`);
    expect([73, 74]).toContain(code);
  });
});
