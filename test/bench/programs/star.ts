/**
 * An all-reduce by star over ZeroMQ, as a step of a training run has it: this process sums for `workers` others. What
 * is timed is a whole step without computation: from the assignments until the last worker has said that it holds
 * the mean.
 */
import { spawn } from 'node:child_process';
import { decodeWorkerMessage, encodeMessage } from '@lockstep/protocol';
import type { CoordinatorMessage, WorkerMessage } from '@lockstep/protocol';
import { bytesOf, digestOf, finishGradient, TreeSum } from '@lockstep/reduce';
import { copyToFloats } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import { allFinite } from '@lockstep/vector';
import { setTimeout as delay } from 'node:timers/promises';
import { ENVELOPE } from '../star-job.js';
import type { StarJob } from '../star-job.js';
import { serve } from './serve.js';
import { runStarWorker } from './star-worker.js';

/** Lets the workers make their next gradients before the next clock starts. */
const PAUSE_MS = 20;
const WARM_UP = 3;

const job = JSON.parse(process.argv[2] ?? '{}') as StarJob;
if (job.role === 'worker') await runStarWorker(job);
else await coordinate(job);

async function coordinate({ workers, values, repeats }: StarJob): Promise<void> {
  const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: 4 * values });
  const peers: string[] = [];
  let sequence = 0;
  const send = (peer: string, message: CoordinatorMessage, payload: Uint8Array[] = [], digests?: string[]): void => {
    const stamp = { conversation: 0, sequence };
    sequence += 1;
    server.send(peer, encodeMessage(digestOf, message, stamp, payload, digests ?? payload.map(digestOf)));
  };

  let step = 0;
  let sum = new TreeSum(workers, values);
  let applied = 0;
  let done = (): void => undefined;
  const finish = (): void => {
    const mean = sum.take();
    const { norm } = finishGradient(mean, workers, undefined);
    const record = { step, loss: 0, characters: workers, gradientNorm: norm, seconds: 0, shardDigests: [''] };
    const bytes = bytesOf(mean);
    const digests = [digestOf(bytes)];
    const about = { step, learningRate: 1, exchange: null, scale: 1, digest: false, record, journalled: 0 };
    for (const peer of peers) send(peer, { type: 'update', ...ENVELOPE, ...about }, [bytes], digests);
  };
  const hear = (peer: string, message: WorkerMessage, [payload]: readonly Uint8Array[]): void => {
    if (message.type === 'synced') {
      peers.push(peer);
      if (peers.length === workers) done();
    }
    if (message.type === 'gradient' && payload !== undefined) {
      const gradient = copyToFloats(payload);
      if (!allFinite(gradient)) throw new Error('a gradient is not finite');
      sum.add(message.shard, gradient);
      if (sum.complete) finish();
    }
    if (message.type === 'applied') {
      applied += 1;
      if (applied === workers) done();
    }
  };
  server.onEvent((event) => {
    if (event.type === 'gone') throw new Error(`${event.peer} is gone: ${event.reason}`);
    const letter = decodeWorkerMessage(digestOf, event.frames);
    if ('problem' in letter) throw new Error(letter.what);
    hear(event.peer, letter.message, letter.payload);
  });

  const isThere = new Promise<void>((resolve) => (done = resolve));
  const children = Array.from({ length: workers }, (_, worker) => {
    const own: StarJob = { role: 'worker', workers, values, repeats, endpoint: server.endpoint, worker };
    const args = [process.argv[1] ?? '', JSON.stringify(own)];
    return spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  });
  process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
  await isThere;
  // By name: which worker computes which shard must not depend on who came first.
  peers.sort();

  const allReduce = async (): Promise<number> => {
    sum = new TreeSum(workers, values);
    applied = 0;
    step += 1;
    const isDone = new Promise<void>((resolve) => (done = resolve));
    const startMs = performance.now();
    for (const [shard, peer] of peers.entries()) {
      const about = { step, shard, attempt: 0, rows: 1, digest: false, ship: true };
      send(peer, { type: 'assign', ...ENVELOPE, ...about }, [new Uint8Array(4)]);
    }
    await isDone;
    return performance.now() - startMs;
  };
  const measure = async (): Promise<number> => {
    let totalMs = 0;
    for (let count = 0; count < repeats; count += 1) {
      await delay(PAUSE_MS);
      totalMs += await allReduce();
    }
    return totalMs / repeats;
  };
  for (let count = 0; count < WARM_UP; count += 1) await measure();
  serve({ version: `ZeroMQ, Node ${process.version}`, losses: [], facts: {} }, measure);
}
