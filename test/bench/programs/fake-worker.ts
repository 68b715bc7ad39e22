/** A worker process with everything but an engine. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import { bytesOf, digestOf } from '@lockstep/reduce';
import { WorkerLoop } from '@lockstep/runtime';
import type { Clock } from '@lockstep/runtime';
import { connectZeroMQClient } from '@lockstep/transport';
import { readyMade } from '../star-job.js';
import type { StarJob } from '../star-job.js';

/** What both sides agree on where a run has a configuration, a layout and weights. */
export const FAKE = { digest: 'ready-made', version: 'bench' } as const;

export const fakeClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export async function runFakeWorker({ endpoint, worker, values }: StarJob): Promise<void> {
  const transport = await connectZeroMQClient({ endpoint, peerId: `worker-${worker}`, maxFrameBytes: 4 * values });
  const original = readyMade(worker, values);
  const held = { digest: digestOf(bytesOf(original)), finite: true };
  const compute = { submit: (task: ComputeTask) => Promise.resolve(answer(task, original, held)) };
  const loop = new WorkerLoop(
    { transport, clock: fakeClock, compute, digest: digestOf, note: () => undefined, mesh: null },
    {
      ...{ coordinator: endpoint, run: null, softwareVersion: FAKE.version, name: `worker-${worker}` },
      ...{ supervised: false, host: 'bench', pid: process.pid, connectDeadlineMs: 60_000 },
      ...{ silenceLimitMs: Infinity, awayLimitMs: 1000 },
    },
  );
  await loop.run();
  await transport.close(0);
  await delay(0);
  process.exit();
}

interface Held {
  readonly digest: string;
  readonly finite: boolean;
}

function answer(task: ComputeTask, gradient: Float32Array, held: Held): ComputeResult {
  switch (task.type) {
    case 'prepare':
      return {
        type: 'prepared',
        ...{
          fingerprint: FAKE.digest,
          layoutDigest: FAKE.digest,
          computeClass: 'none',
          engine: 'none',
          device: 'none',
        },
        replica: null,
      };
    case 'load':
      return { type: 'loaded', step: task.step, digest: FAKE.digest };
    case 'gradient': {
      const { step, shard, attempt, digest, ship } = task.assign;
      // A sent frame belongs to the transport.
      const payload = bytesOf(gradient.slice());
      const about = { step, shard, attempt, lossSum: 1, characters: 1, computeMs: 0 };
      const weightsDigest = digest ? FAKE.digest : null;
      return { type: 'gradient', ...about, weightsDigest, held: ship ? null : held, payload };
    }
    case 'apply':
      return { type: 'applied', step: task.update.step, digest: task.update.digest ? FAKE.digest : null };
    default:
      throw new Error(`nobody asks this worker for ${task.type}`);
  }
}
