/**
 * An all-reduce among workers, as the steps of a training run in a mesh have it, without computation: every worker
 * holds one gradient, and what is timed is from the order to sum until the last one has said that it holds the mean.
 * Orders and answers go by the channel that Node has to a child. With `share` they share memory.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { bytesOf, digestOf } from '@lockstep/reduce';
import { GradientExchange, viewAsFloats } from '@lockstep/runtime';
import { bindPeerServer, connectPeerClient, openSharedMemory } from '@lockstep/transport';
import { ENVELOPE, meanOf, readyMade } from '../star-job.js';
import type { StarJob } from '../star-job.js';
import { fakeClock } from './fake-worker.js';
import { serve } from './serve.js';

/** Lets the workers rest before the next clock starts. */
const PAUSE_MS = 20;
const WARM_UP = 3;
const FRAME_BYTES_MAX = 2 ** 23;
const QUEUE_BYTES_MAX = 2 ** 31;

export interface MeshJob extends StarJob {
  /** Whether workers share memory. */
  readonly share: boolean;
}

interface Member {
  readonly peer: string;
  readonly endpoint: string;
  readonly sharing: string | null;
}

interface Order {
  readonly exchange: number;
  readonly members: readonly Member[];
}

const job = JSON.parse(process.argv[2] ?? '{}') as MeshJob;
if (job.role === 'worker') await runWorker(job);
else await lead(job);

async function runWorker({ worker, workers, values, share }: MeshJob): Promise<void> {
  let gradient: Uint8Array = bytesOf(readyMade(worker, values));
  const shared = share ? openSharedMemory() : null;
  if (share && shared === null) throw new Error('memory cannot be shared here');
  const maker = {
    bind: () =>
      bindPeerServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: FRAME_BYTES_MAX, queueBytesMax: QUEUE_BYTES_MAX }),
    connect: (endpoint: string, peerId: string) =>
      connectPeerClient({ endpoint, peerId, maxFrameBytes: FRAME_BYTES_MAX }),
  };
  const peer = `worker-${worker}`;
  let mean: Uint8Array = new Uint8Array();
  let step = 0;
  const exchange = new GradientExchange({
    ...{ maker, self: peer, shared, clock: fakeClock, digest: digestOf },
    dispatch: (event) => {
      if (event.type !== 'exchanged') throw new Error(JSON.stringify(event));
      mean = event.mean;
      process.send?.('done');
      setImmediate(makeReady);
    },
  });
  /** What happens in a step beside the exchange: the mean is applied, the next gradient lies where it is computed. */
  const makeReady = (): void => {
    const found = viewAsFloats(mean);
    for (const index of [0, values >> 1, values - 1]) {
      if (found[index] !== meanOf(index, workers)) throw new Error(`${found[index]} at ${index} is not the mean`);
    }
    exchange.recycle(mean);
    step += 1;
    const room = exchange.roomFor(step);
    room?.set(gradient);
    gradient = room ?? gradient;
  };
  process.on('message', ({ exchange: id, members }: Order) => {
    const plan = { type: 'exchange', ...ENVELOPE, step: id, exchange: id, members, length: values } as const;
    const about = { holders: members.map((_, place) => place), wire: 'float32', characters: workers } as const;
    exchange.begin({
      type: 'exchange',
      self: worker,
      held: new Map([[worker, gradient]]),
      plan: { ...plan, ...about },
    });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ peer, endpoint: await exchange.listen(), sharing: shared?.host ?? null } satisfies Member);
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('message', resolve));
}

async function lead(job: MeshJob): Promise<void> {
  const children = Array.from({ length: job.workers }, (_, worker) =>
    fork(process.argv[1] ?? '', [JSON.stringify({ ...job, role: 'worker', worker })], {
      execArgv: [],
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    }),
  );
  for (const child of children) child.once('exit', () => process.exit(1));
  process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
  const members = (await Promise.all(children.map(answerOf))) as Member[];
  let exchange = 0;
  const allReduce = async (): Promise<number> => {
    const startMs = performance.now();
    const answers = children.map(answerOf);
    for (const child of children) child.send({ exchange, members } satisfies Order);
    exchange += 1;
    await Promise.all(answers);
    return performance.now() - startMs;
  };
  const measure = async (): Promise<number> => {
    let totalMs = 0;
    for (let count = 0; count < job.repeats; count += 1) {
      await delay(PAUSE_MS);
      totalMs += await allReduce();
    }
    return totalMs / job.repeats;
  };
  for (let count = 0; count < WARM_UP; count += 1) await measure();
  serve({ version: `${job.share ? 'memory' : 'TCP'}, Node ${process.version}`, losses: [], facts: {} }, measure);
}
