/** What `lockstep train --json` prints and the event record keeps is what docs/events.md says, to the last field. */
import { readEvents, runEventSchema } from 'lockstep';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HarmedRun } from '../faults/runs.js';
import { LockstepProcess, tinyRun } from './lockstep-process.js';
import type { JsonEvent } from './lockstep-process.js';

/** Every field is known and is what it should be: parsing leaves out what the schema does not name. */
function expectContract(events: readonly JsonEvent[]): void {
  for (const event of events) expect(runEventSchema.parse(event)).toEqual(event);
}

const namesOf = (events: readonly { readonly event: string }[]): ReadonlySet<string> =>
  new Set(events.map(({ event }) => event));

/** Recorded one by one, each at once. */
const PLAIN = new Set(['worker', 'checkpoint', 'validation', 'sample', 'summary', 'recovered', 'topology']);

describe('the events of a run', () => {
  it('whose worker and coordinator are killed, and that is resumed, fit their contract', async () => {
    const fixed = ['--shards', '2', '--topology', 'star', '--validation-fraction', '0.1', '--sample-length', '40'];
    const { run, args } = tinyRun(...fixed, '--steps', '30', '--checkpoint-every', '10');
    const harmed = new HarmedRun(run, args, 'W7:step=8:worker=local-1:kill,C4:step=20:kill');
    expect((await harmed.process.end()).code).toBe(0);
    expect(harmed.strikes.map(({ point }) => point)).toEqual(['W7', 'C4']);
    const { events } = harmed.process;
    expectContract(events);
    const expected = ['start', 'worker', 'step', 'checkpoint', 'validation', 'sample', 'coordinator', 'recovered'];
    expect([...namesOf(events)]).toEqual(expect.arrayContaining([...expected, 'summary']));

    const resumed = new LockstepProcess(['train', '--resume', run, '--steps', '35', '--json']);
    expect((await resumed.end()).code).toBe(0);
    expectContract(resumed.events);

    const recorded = await readEvents(run);
    const lines = readFileSync(join(run, 'events.ndjson'), 'utf8').trimEnd().split('\n');
    // The coordinator was killed: it may have left half a line, and the last events before its end may be missing.
    expect(lines.length - recorded.length).toBeLessThanOrEqual(1);
    const plain = (all: readonly JsonEvent[]): readonly unknown[] => all.filter(({ event }) => PLAIN.has(event));
    const told = [...plain(events), ...plain(resumed.events)];
    const kept = recorded
      .filter(({ event }) => PLAIN.has(event))
      .map(({ at: _at, committed: _committed, ...rest }) => rest);
    expect(told).toEqual(expect.arrayContaining(kept));
    expect(kept.length).toBeGreaterThanOrEqual(told.length - 2);
    const starts = recorded.filter(({ event }) => event === 'start' || event === 'coordinator');
    expect(starts).toMatchObject([
      { event: 'start', committed: 0, resumedAt: null },
      { event: 'start', resumedAt: 20 },
      { event: 'coordinator', status: 'started', term: 2 },
      { event: 'start', committed: 30, resumedAt: 30 },
    ]);
    expect(recorded.at(-1)).toMatchObject({ event: 'summary', committed: 35 });
  });

  it('has a sample as often as it should, each of its own step, and none of them changes the result', async () => {
    const runWith = async (every: string): Promise<readonly JsonEvent[]> => {
      const { args } = tinyRun('--steps', '30', '--shards', '2', '--sample-length', '40', '--json');
      const process = new LockstepProcess([...args, '--sample-every', every]);
      expect((await process.end()).code).toBe(0);
      expectContract(process.events);
      return process.events;
    };
    const [often, once] = [await runWith('10'), await runWith('1000')];
    const samples = often.filter(({ event }) => event === 'sample');
    expect(samples).toMatchObject([
      { step: 10, isLast: false },
      { step: 20, isLast: false },
      { step: 30, isLast: true },
    ]);
    expect(new Set(samples.map(({ text }) => text)).size).toBe(3);
    expect(once.filter(({ event }) => event === 'sample')).toEqual(samples.slice(-1));
    const result = (events: readonly JsonEvent[]): unknown => {
      const last = events.map((event) => runEventSchema.parse(event)).find(({ event }) => event === 'summary');
      return last?.event === 'summary' ? last.summary.weightsSha256 : null;
    };
    expect(result(often)).toMatch(/^[0-9a-f]{64}$/);
    expect(result(often)).toBe(result(once));
  });

  it('that fails end with the failure, in the record too', async () => {
    const { run, args } = tinyRun('--workers', '0', '--worker-timeout', '1', '--json');
    const process = new LockstepProcess(args);
    expect((await process.end()).code).toBe(75);
    expectContract(process.events);
    const failure = { event: 'failed', kind: 'retry', exitCode: 75 };
    expect(process.events.at(-1)).toMatchObject(failure);
    expect((await readEvents(run)).at(-1)).toMatchObject(failure);
  });
});
