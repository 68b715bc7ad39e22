/** Runs that have no workers, or none that ever works: neither waits in silence nor tries for ever. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockstep, LockstepProcess, readJson, temporaryFolder, tinyRun } from './lockstep-process.js';
import type { JsonEvent } from './lockstep-process.js';

const isWaiting = ({ event, text }: JsonEvent): boolean => event === 'warning' && /^the run waits/.test(String(text));

describe('a run without workers', () => {
  it('says so, once each time, and how to get some', async () => {
    const { run, args } = tinyRun('--steps', '1000000', '--workers', '1', '--json');
    const process = new LockstepProcess(args);
    await process.event(({ event, step }) => event === 'step' && Number(step) >= 3);
    expect((await lockstep(['scale', '0', run])).code).toBe(0);
    const { text } = await process.event(isWaiting);
    const { endpoint } = readJson(run, 'run.json');
    expect(text).toContain(`"lockstep scale 1 ${run}"`);
    expect(text).toContain(`"lockstep worker --coordinator ${String(endpoint)}"`);
    const made = process.events.filter(({ event }) => event === 'step').length;
    const up = await lockstep(['scale', '1', run]);
    expect(up.stdout).toBe('1 local worker: local-0 started\n');
    await process.event(({ event, step }) => event === 'step' && Number(step) > made + 3);
    expect(process.events.filter(isWaiting)).toHaveLength(1);
    process.child.kill('SIGINT');
    expect((await process.end()).code).toBe(0);
    expect(process.events.filter(isWaiting)).toHaveLength(1);
  });
});

describe('workers that never work', () => {
  it('are started three times, not as often as the budget allows; their last words are told', async () => {
    const { args } = tinyRun('--workers', '1', '--json');
    const env = {
      LOCKSTEP_FAULTS: 'W2:times=99:throw',
      LOCKSTEP_FAULTS_LOG: join(temporaryFolder(), 'log'),
    };
    const process = new LockstepProcess(args, { env });
    const { code, stderr } = await process.end();
    const line = /^lockstep: local worker 0 .*ended by exit code 70; its log is .*, for the 3rd time in a row, saying /;
    expect(stderr).toMatch(line);
    expect(stderr).toMatch(/saying "lockstep: .*W2.*; no worker was ever ready here: see lockstep doctor \(.*\n$/);
    expect(code).toBe(69);
  });
});
