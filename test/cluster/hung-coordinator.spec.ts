/** A coordinator that neither dies nor answers: its supervisor says so, and at last starts another one. */
import { describe, expect, it } from 'vitest';
import { Comparison } from '../faults/runs.js';
import { readJson } from './lockstep-process.js';
import type { JsonEvent } from './lockstep-process.js';

const comparison = new Comparison(60);

/** It takes a minute until it is taken for hung. */
const TEST_TIMEOUT_MS = 240_000;

describe('a coordinator that hangs', () => {
  it(
    'is told about, then ended and started again; its workers keep the weights, and no byte changes',
    async () => {
      const harmed = comparison.harm('');
      await harmed.step(10);
      const { pid } = readJson(harmed.run, 'run.json')['coordinator'] as { pid: number };
      process.kill(pid, 'SIGSTOP');
      const warns = (text: RegExp) => (event: JsonEvent) =>
        event.event === 'warning' && text.test(String(event['text']));
      await harmed.process.event(
        warns(new RegExp(`^the coordinator \\(pid ${pid}\\) has not answered for 10 s; after`)),
      );
      const restart = await harmed.process.event(({ status }) => status === 'started');
      expect(restart).toMatchObject({ event: 'coordinator', term: 2, detail: 'hung for 60 s and was ended' });
      await comparison.expectSame(harmed);
      const recovered = harmed.process.events.filter(({ event }) => event === 'recovered');
      expect(recovered).toMatchObject([{ from: 'replicas' }]);
      const silent = harmed.process.events.filter(warns(/has not answered/));
      expect(silent).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );
});
