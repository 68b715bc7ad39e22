/** Numbers that are wrong: a gradient that is not finite or not right, a replica that has gone astray. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';
import { journalOf } from './lockstep-process.js';

const comparison = new Comparison(12, '--workers', '3', '--digest-every', '1', '--checkpoint-every', '2');

describe('a gradient', () => {
  it('that is not finite on one worker is computed by another, and counts', async () => {
    const harmed = comparison.harm('W7:step=5:worker=local-1:nan');
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });

  it.each(['flip', 'wrong'])('that is finite and wrong (%s) is found by an audit', async (action) => {
    const harmed = comparison.harm(`W7:step=5:worker=local-1:${action}`, '--audit', '1');
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
  });

  it('that is not finite on any worker ends the run with 65, and the last good checkpoint stays', async () => {
    const harmed = comparison.harm('W7:from=5:times=1000:nan');
    const { code, stderr } = await harmed.process.end();
    expect(stderr).toMatch(/^lockstep: .*step 6.*\n$/);
    expect(code).toBe(65);
    const steps = journalOf(harmed.run).filter(({ kind }) => kind === 'step');
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(existsSync(join(harmed.run, 'checkpoints', 'step-000004', 'manifest.json'))).toBe(true);
  });
});

describe('a replica', () => {
  it('with one bit flipped is outvoted, and loaded anew', async () => {
    const harmed = comparison.harm('applied:step=5:worker=local-1:flip');
    await comparison.expectSame(harmed);
    expect(harmed.strikes).toHaveLength(1);
    expect(harmed.process.stdout).toContain('has other weights after step 6 than the others');
  });
});
