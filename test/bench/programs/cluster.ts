/**
 * A whole cluster without arithmetic: the coordinator's loop, transport and protocol as in a run, and worker processes
 * with a worker's loop, whose engine answers at once with a ready-made gradient. What is left is what coordination
 * costs. Runs without a pause; each measurement is a look at one window of time.
 */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { planShards } from '@lockstep/data';
import { gradientCreditFor } from '@lockstep/protocol';
import type { CoordinatorSettings } from '@lockstep/protocol';
import { digestOf } from '@lockstep/reduce';
import { CoordinatorLoop } from '@lockstep/runtime';
import type { RunStore, ServerTransport } from '@lockstep/runtime';
import { bindZeroMQServer } from '@lockstep/transport';
import type { StarJob } from '../star-job.js';
import { fakeClock, FAKE, runFakeWorker } from './fake-worker.js';
import { serve } from './serve.js';

const WINDOW_MS = 1500;
const LOOK_AGAIN_MS = 50;
const WARM_UP_STEPS = 20;

const job = JSON.parse(process.argv[2] ?? '{}') as StarJob;
if (job.role === 'worker') await runFakeWorker(job);
else await coordinate(job);

/** Counts what goes through a transport, both ways. */
function counted(transport: ServerTransport): { transport: ServerTransport; count: () => number } {
  let messages = 0;
  return {
    count: () => messages,
    transport: {
      endpoint: transport.endpoint,
      send: (peer, frames) => {
        messages += 1;
        transport.send(peer, frames);
      },
      drop: (peer) => transport.drop(peer),
      onEvent: (handler) =>
        transport.onEvent((event) => {
          messages += 1;
          handler(event);
        }),
      close: (lingerMs) => transport.close(lingerMs),
    },
  };
}

function settingsFor({ workers, values }: StarJob): CoordinatorSettings {
  const shards = planShards(workers, workers);
  return {
    ...{ run: 'bench', term: 1, incarnation: 'bench', softwareVersion: FAKE.version, config: {} },
    ...{ fingerprint: FAKE.digest, layoutDigest: FAKE.digest, batchSize: workers, sequenceLength: 1 },
    plans: [{ fromStep: 0, shards }],
    ...{ totalSteps: Number.MAX_SAFE_INTEGER, stepsPerEpoch: Number.MAX_SAFE_INTEGER, learningRate: 1 },
    ...{ wire: 'float32', topology: 'star', sharedMemory: false, gradientLength: values, clipNorm: null },
    gradientCredit: gradientCreditFor(values * Float32Array.BYTES_PER_ELEMENT),
    ...{ minWorkers: workers, workerTimeoutMs: 120_000, digestEvery: 1 },
    ...{ checkpointEvery: null, audit: 0, seed: 1, evaluationRows: [], sample: null },
    initial: { step: 0, digest: FAKE.digest, optimizerSteps: 0, slots: [] },
    ...{ replicaParts: 1, resumption: null, describeRows: () => 'nowhere' },
  };
}

async function coordinate(job: StarJob): Promise<void> {
  const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes: 4 * job.values });
  const { transport, count } = counted(server);
  let steps = 0;
  const store: RunStore = {
    commit: () => {
      steps += 1;
      return Promise.resolve();
    },
    plan: () => Promise.resolve(),
    checkpoint: () => Promise.resolve(),
    restore: () => Promise.reject(new Error('nothing is restored here')),
    finish: () => undefined,
  };
  const window = new Uint8Array(8);
  const batches = { windows: () => window, evaluation: () => window };
  const loop = new CoordinatorLoop(
    { transport, clock: fakeClock, batches, store, digest: digestOf, observe: () => undefined },
    {
      settings: settingsFor(job),
      initialReplica: { step: 0, optimizerSteps: 0, slots: [], vectors: [new Float32Array(1)] },
    },
  );
  void loop.run().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
  const children = Array.from({ length: job.workers }, (_, worker) => {
    const own: StarJob = { ...job, role: 'worker', endpoint: server.endpoint, worker };
    const args = [process.argv[1] ?? '', JSON.stringify(own)];
    return spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  });
  process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
  while (steps < WARM_UP_STEPS) await delay(LOOK_AGAIN_MS);

  const measure = async () => {
    const [startMs, startSteps, startMessages, startCpu] = [performance.now(), steps, count(), process.cpuUsage()];
    await delay(WINDOW_MS);
    const seconds = (performance.now() - startMs) / 1000;
    const done = steps - startSteps;
    const { user, system } = process.cpuUsage(startCpu);
    return {
      value: done / seconds,
      figures: {
        messages: (count() - startMessages) / seconds,
        cpuMs: (user + system) / 1000 / Math.max(1, done),
        residentMb: process.memoryUsage.rss() / 1e6,
      },
    };
  };
  serve({ version: `Node ${process.version}`, losses: [], facts: {} }, measure);
}
