/** A run whose two workers reach the coordinator only through a proxy. */
import { onTestFinished, expect } from 'vitest';
import { LockstepProcess } from '../cluster/lockstep-process.js';
import type { LaneFaults } from './lane.js';
import type { Comparison, HarmedRun } from './runs.js';
import { TcpProxy } from './tcp-proxy.js';
import type { ProxyOptions } from './tcp-proxy.js';

/** Fixed, so that a failure can be repeated. */
const SEED = 20_261_123;

/** How long a worker looks for a coordinator that has gone without a word that arrived, in seconds. */
const COORDINATOR_TIMEOUT = '90';

interface BehindProxy {
  readonly harmed: HarmedRun;
  readonly proxy: TcpProxy;
  readonly workers: readonly LockstepProcess[];
  /**
   * Everything has ended well and as it should.
   * @param codes how workers may end: with 75, too, where their coordinator's last word may be harmed
   */
  expectSame(codes?: readonly number[]): Promise<void>;
}

/**
 * @param options faults that are there from the beginning; who rewrites the bytes; a pause after every step, so that a
 * worker that was cut off is back before the run is over
 */
export async function behindProxy(
  comparison: Comparison,
  options: ProxyOptions & { readonly faults?: LaneFaults; readonly pauseMs?: number } = {},
): Promise<BehindProxy> {
  const pauses = options.pauseMs === undefined ? '' : `C5:times=999:hang=${options.pauseMs}`;
  const harmed = comparison.harm(pauses, '--workers', '0', '--min-workers', '2');
  const endpoint = String((await harmed.process.event(({ event }) => event === 'start'))['endpoint']);
  const target = { host: '127.0.0.1', port: Number(/:(\d+)$/.exec(endpoint)?.[1]) };
  const proxy = await TcpProxy.start(target, { seed: SEED, ...options });
  onTestFinished(() => proxy.close());
  proxy.break('both', options.faults ?? {});
  const workers = [1, 2].map(
    () =>
      new LockstepProcess(['worker', '--coordinator', proxy.endpoint, '--coordinator-timeout', COORDINATOR_TIMEOUT], {
        env: harmed.environment,
      }),
  );
  const expectSame = async (codes: readonly number[] = [0]): Promise<void> => {
    await comparison.expectSame(harmed);
    for (const worker of workers) expect(codes).toContain((await worker.end()).code);
  };
  return { harmed, proxy, workers, expectSame };
}
