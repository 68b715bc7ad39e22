/**
 * A run whose disk has no room when its coordinator begins: it is waited for, and Ctrl-C ends the waiting. On a file
 * system of its own; where none can be mounted the tests are skipped, and say so.
 */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { smallDisk } from '../../libs/checkpoint/src/testing/small-disk.js';
import { Comparison } from '../faults/runs.js';
import type { HarmedRun } from '../faults/runs.js';
import { lockstep, LockstepProcess, readJson, temporaryFolder, waitFor, writeText } from './lockstep-process.js';

const comparison = new Comparison(40);

const warned = ({ process }: HarmedRun, pattern: RegExp): Promise<unknown> =>
  process.event(({ event, text }) => event === 'warning' && pattern.test(String(text)));

/** A run in the middle whose coordinator was killed while its disk had no room, waiting for the disk. */
async function heldUp(context: TestContext): Promise<{ harmed: HarmedRun; disk: ReturnType<typeof smallDisk> }> {
  const disk = smallDisk(context, '4m');
  // Slow enough to be hit in the middle.
  const harmed = comparison.harmIn(disk.path, 'C3:times=1000:hang=50');
  await harmed.step(5);
  const { pid } = readJson(harmed.run, 'run.json')['coordinator'] as { pid: number };
  disk.fill();
  process.kill(pid, 'SIGKILL');
  await warned(harmed, /^cannot write \S+lock\.json: no space is left.*; the run waits for it, and it is tried again$/);
  return { harmed, disk };
}

describe('a coordinator that is killed while the disk is full', () => {
  it('is followed by one that waits for room, and the run ends with the same bytes', async (context) => {
    const { harmed, disk } = await heldUp(context);
    disk.free();
    expect((await harmed.process.end()).code).toBe(0);
    expect(harmed.process.events).toContainEqual({ event: 'notice', text: 'the run directory is written again' });
    comparison.expectSameResult(harmed.run);
  });

  it('and Ctrl-C while the next one waits: ends with 74 and the way to go on', async (context) => {
    const { harmed, disk } = await heldUp(context);
    const atMs = performance.now();
    harmed.process.child.kill('SIGINT');
    const { code, stderr } = await harmed.process.end();
    // Far below the ten minutes that it would have been waited for, and the first pause of 32 s between attempts.
    expect(performance.now() - atMs).toBeLessThan(20_000);
    expect(stderr).toMatch(/^lockstep: cannot write \S+lock\.json: [^\n]+ --resume \S+\n$/);
    expect(stderr).toContain(`lockstep train --resume ${harmed.run}`);
    expect(code).toBe(74);
    await waitFor('every process of the run to end', () => harmed.processes.length === 0);
    disk.free();
    expect((await lockstep(['train', '--resume', harmed.run, '--quiet'])).code).toBe(0);
    comparison.expectSameResult(harmed.run);
  });
});

describe('a disk without room for the first checkpoint', () => {
  it('is waited for until Ctrl-C, which ends the run with 0; it can be begun later', async (context) => {
    const disk = smallDisk(context, '40k');
    const run = join(disk.path, 'run');
    const model = ['--preset', 'tiny', '--engine', 'wasm', '--steps', '3', '--run-dir', run];
    const process = new LockstepProcess(['train', '--text', writeText(temporaryFolder()), ...model, '--json']);
    const isRefusal = /^cannot write the checkpoint of step 0: /;
    await process.event(({ event, text }) => event === 'warning' && isRefusal.test(String(text)));
    process.child.kill('SIGINT');
    expect(await process.end()).toMatchObject({ code: 0, stderr: '' });
    expect(process.events.at(-1)).toMatchObject({ event: 'summary', summary: { result: 'stopped', steps: 0 } });
    expect(readdirSync(run)).not.toContain('lock.json');
    expect((await lockstep(['status', run])).stdout).toMatch(/state +stopped/);
    const roomy = join(temporaryFolder(), 'run');
    cpSync(run, roomy, { recursive: true });
    expect((await lockstep(['train', '--resume', roomy, '--quiet'])).code).toBe(0);
    expect(readJson(roomy, 'summary.json')).toMatchObject({ result: 'done', steps: 3 });
  });
});
