/** The simulation as tests: a range of seeds, and proof that each kind of fault was really there. */
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS } from './options.js';
import { runSeeds, summarise } from './run-seeds.js';

/** Beside the faults that are drawn for a moment, those that are drawn for each message or write. */
const CONSTANT_FAULTS = [
  ...['message lost', 'message doubled', 'message reordered', 'message corrupted', 'message broken'],
  ...['write refused', 'write torn'],
];

/** Seeds of each range, for those who want to see only a few; all by default. */
const SEEDS_MAX = Number(process.env['LOCKSTEP_SEEDS'] ?? Infinity);

export function testSeeds(from: number, end: number): void {
  const until = Math.min(end, from + SEEDS_MAX);
  describe(`simulated clusters, seeds ${from} to ${until - 1}`, () => {
    it('end with the bytes of a run without faults', async () => {
      const result = await runSeeds({ from, until, stride: 1, storiesMax: 1, wrongMax: 1 });
      process.stdout.write(`${summarise(result)}\n`);
      expect(result.wrongSeeds, result.stories.join('\n\n')).toEqual([]);
      if (until < end) return;
      const missing = [...FAULT_KINDS, ...CONSTANT_FAULTS].filter((kind) => !result.tally.counts.has(kind));
      expect(missing, 'faults that were never injected').toEqual([]);
      expect(result.ends.counts.get('done')).toBeGreaterThan(0.95 * result.seeds);
    });
  });
}
