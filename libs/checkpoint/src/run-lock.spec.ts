import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownIdentity } from './process-identity.js';
import { acquireRunLock } from './run-lock.js';
import { bundledProgram, startChild } from './testing/child.js';
import type { Child } from './testing/child.js';
import { refusalOf } from './testing/refusal.js';
import { scratchFolder } from './testing/scratch.js';

const holder = bundledProgram(new URL('./testing/lock-holder.program.ts', import.meta.url));

/** Above the largest pid of any system. */
const DEAD_PID = 4_194_305;

function lockFile(run: string, content: object, name = 'lock.json'): void {
  const record = { ...ownIdentity(), host: hostname(), token: 'a'.repeat(32), ...content };
  writeFileSync(join(run, name), JSON.stringify(record));
}

/** Starts contenders, lets them go at the same moment once all are up. */
async function contenders(run: string, number: number, mode: string): Promise<Child[]> {
  rmSync(join(run, 'go'), { force: true });
  const children = Array.from({ length: number }, () => startChild(process.execPath, [holder(), run, mode]));
  for (const child of children) expect(await child.nextLine()).toBe('ready');
  writeFileSync(join(run, 'go'), '');
  return children;
}

async function end(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.process.kill(signal);
  await child.ended;
}

describe('acquireRunLock', () => {
  it('locks out this very process until released, and releases once only', async () => {
    const run = join(scratchFolder(), 'new', 'run');
    const first = await acquireRunLock(run);
    const refusal = await refusalOf(acquireRunLock(run));
    expect([refusal.kind, refusal.exitCode]).toEqual(['locked', 73]);
    expect(refusal.message).toBe(`${first.path} is held by process ${process.pid} on host ${hostname()}`);
    await first.release();
    const second = await acquireRunLock(run);
    await first.release();
    expect(JSON.parse(readFileSync(second.path, 'utf8'))).toMatchObject({ ...ownIdentity(), host: hostname() });
    await second.release();
    expect(readdirSync(run)).toEqual([]);
  });

  it('locks out another process, which names the holder; a release lets it in', async () => {
    const run = scratchFolder();
    const [child] = await contenders(run, 1, 'try');
    expect(await child?.nextLine()).toBe('locked');
    const refusal = await refusalOf(acquireRunLock(run));
    expect(refusal.message).toContain(`is held by process ${child?.process.pid} on host ${hostname()}`);
    if (child !== undefined) await end(child, 'SIGTERM');
    await (await acquireRunLock(run)).release();
    expect(readdirSync(run)).toEqual(['go']);
  });

  it('passes on when the holder is killed', async () => {
    const run = scratchFolder();
    const [child] = await contenders(run, 1, 'try');
    expect(await child?.nextLine()).toBe('locked');
    if (child !== undefined) await end(child, 'SIGKILL');
    expect(readdirSync(run)).toContain('lock.json');
    const lock = await acquireRunLock(run);
    expect(JSON.parse(readFileSync(lock.path, 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(readdirSync(run)).toEqual(['go']);
  });

  it('goes to exactly one of four processes, over a dead lock as well', async () => {
    for (const isStale of [false, true]) {
      const run = scratchFolder();
      if (isStale) lockFile(run, { pid: DEAD_PID });
      const children = await contenders(run, 4, 'try');
      const outcomes = await Promise.all(children.map((child) => child.nextLine()));
      expect(outcomes.filter((outcome) => outcome === 'locked')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome?.startsWith('73 '))).toHaveLength(3);
      for (const child of children) await end(child, 'SIGKILL');
    }
  });

  it('is never held twice while every holder dies holding it', async () => {
    const run = scratchFolder();
    for (let round = 0; round < 3; round += 1) {
      const children = await contenders(run, 5, 'insist');
      // A second one inside fails to make the file `inside`, and ends with 1 instead of by its own kill.
      const ends = await Promise.all(children.map((child) => child.ended));
      expect(ends).toEqual(children.map(() => 'SIGKILL'));
    }
  });

  it('goes to exactly one of many attempts interleaved in one process', async () => {
    for (let round = 0; round < 30; round += 1) {
      const run = scratchFolder();
      lockFile(run, { pid: DEAD_PID });
      if (round % 2 === 1) lockFile(run, { pid: DEAD_PID, token: 'b'.repeat(32) }, `.lock-claim-${'a'.repeat(32)}`);
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => acquireRunLock(run)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(readdirSync(run)).toEqual(['lock.json']);
    }
  });

  it.runIf(process.platform === 'linux')('sees through a recycled pid', async () => {
    const run = scratchFolder();
    lockFile(run, { processStart: `${ownIdentity().processStart}0` });
    await (await acquireRunLock(run)).release();
  });

  it('believes a lock without a start time while the pid lives', async () => {
    const run = scratchFolder();
    lockFile(run, { processStart: null });
    expect((await refusalOf(acquireRunLock(run))).kind).toBe('locked');
  });

  it('leaves the lock of another host alone and says what to do', async () => {
    const run = scratchFolder();
    lockFile(run, { host: 'node-17', pid: DEAD_PID });
    const refusal = await refusalOf(acquireRunLock(run));
    const path = join(run, 'lock.json');
    expect(refusal.line).toBe(`${path} is held by process ${DEAD_PID} on host node-17; `
      + `stop it there; if that host is gone, delete ${path}`);
    expect(readdirSync(run)).toEqual(['lock.json']);
  });

  it.each([
    '', '{', '{"pid":-1,"host":"a","processStart":null,"token":"00"}',
  ])('never takes %j for a free lock', async (content) => {
    const run = scratchFolder();
    writeFileSync(join(run, 'lock.json'), content);
    const refusal = await refusalOf(acquireRunLock(run));
    expect(refusal.kind).toBe('locked');
    expect(refusal.message).toContain('not a lock that lockstep wrote');
  });

  it('is found lost once it is gone, and once another has it, who is named', async () => {
    const run = scratchFolder();
    const first = await acquireRunLock(run);
    await first.assertHeld();
    rmSync(first.path);
    const gone = await refusalOf(first.assertHeld());
    expect([gone.kind, gone.message]).toEqual([
      'locked', `this process has lost ${first.path}: nobody holds it now`,
    ]);
    const second = await acquireRunLock(run);
    await second.assertHeld();
    const taken = await refusalOf(first.assertHeld());
    expect(taken.exitCode).toBe(73);
    expect(taken.message).toContain(`process ${process.pid} on host ${hostname()} holds it now`);
    lockFile(run, { host: 'node-17', pid: 4711 });
    expect((await refusalOf(second.assertHeld())).message).toContain('process 4711 on host node-17 holds it now');
  });

  it('is not removed by a holder that lost it to a person who deleted it', async () => {
    const run = scratchFolder();
    const lock = await acquireRunLock(run);
    lockFile(run, {});
    await lock.release();
    expect(readdirSync(run)).toEqual(['lock.json']);
  });
});
