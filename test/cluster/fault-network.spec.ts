/** Workers behind a bad line: the run ends as it would over a good one, with the same bytes. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Comparison } from '../faults/runs.js';
import { TcpProxy } from '../faults/tcp-proxy.js';
import type { LaneFaults } from '../faults/lane.js';
import { LockstepProcess } from './lockstep-process.js';

const STEPS = 12;
const comparison = new Comparison(STEPS);

/** A coordinator without workers of its own, a proxy in front of it, and two workers that know only the proxy. */
async function behindProxy(faults: LaneFaults) {
  const { run, args } = comparison.harmed('--json', '--workers', '0', '--min-workers', '2', '--shards', '2');
  const coordinator = new LockstepProcess(args);
  const endpoint = String((await coordinator.event(({ event }) => event === 'start'))['endpoint']);
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: Number(/:(\d+)$/.exec(endpoint)?.[1]) });
  onTestFinished(() => proxy.close());
  proxy.break('both', faults);
  const workers = [1, 2].map(() => new LockstepProcess(['worker', '--coordinator', proxy.endpoint]));
  return { run, coordinator, proxy, workers };
}

describe('a bad line between two workers and the coordinator', () => {
  it.each<[string, LaneFaults]>([
    ['75 +- 50 ms late', { delayMs: [25, 125] }],
    ['100 kB a second', { bytesPerSecond: 100_000 }],
  ])('%s', async (_, faults) => {
    const { run, coordinator, proxy, workers } = await behindProxy(faults);
    expect(await coordinator.end()).toMatchObject({ code: 0, stderr: '' });
    for (const worker of workers) expect((await worker.end()).code).toBe(0);
    comparison.expectSame(run);
    const { connections, delayedPieces, resets } = proxy.counts;
    expect({ connections, resets }).toEqual({ connections: 2, resets: 0 });
    expect(delayedPieces > STEPS).toBe('delayMs' in faults);
  });
});
