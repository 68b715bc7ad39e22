/**
 * Both loops over the in-memory network, with a model that needs no engine: its gradient is the sum of the
 * character ids it was given, spread over four weights, so that the right weights can be worked out by hand.
 */
import { planShards } from '@lockstep/data';
import { createOptimizer } from '@lockstep/optimizer';
import type { CommittedStep, ComputeResult, ComputeTask, CoordinatorSettings, Report } from '@lockstep/protocol';
import { bytesOf, digestOf } from '@lockstep/reduce';
import { CoordinatorLoop, copyToFloats, copyToIntegers, viewAsBytes, WorkerLoop } from '@lockstep/runtime';
import type { ClientTransport, Clock, Compute, Replica, RunStore } from '@lockstep/runtime';
import { createMemoryNetwork } from '@lockstep/transport/memory';
import { describe, expect, it } from 'vitest';

const LENGTH = 4;
const ROWS = 8;
const SEQUENCE_LENGTH = 2;
const STEPS = 5;
const ENDPOINT = 'memory://coordinator';
const MAX_FRAME_BYTES = 1 << 16;

const clock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Row r of step s holds the ids s, r, s + r. */
function windows(step: number, rowStart: number, rowEnd: number): Uint8Array {
  const rows = Array.from({ length: rowEnd - rowStart }, (_, i) => [step, rowStart + i, step + rowStart + i]);
  return viewAsBytes(Int32Array.from(rows.flat()));
}

class SummingCompute implements Compute {
  weights = new Float32Array(LENGTH);
  #step: number | null = null;
  #optimizer = createOptimizer({ name: 'sgd' }, LENGTH);
  #queue: Promise<unknown> = Promise.resolve();

  submit(task: ComputeTask): Promise<ComputeResult> {
    const result = this.#queue.then(() => this.#perform(task));
    this.#queue = result;
    return result;
  }

  #perform(task: ComputeTask): ComputeResult {
    switch (task.type) {
      case 'prepare': {
        const about = { fingerprint: 'f', layoutDigest: 'l', computeClass: 'c', engine: 'e', device: 'd' };
        const replica = this.#step === null ? null : { step: this.#step, digest: this.#digestOf() };
        return { type: 'prepared', ...about, replica };
      }
      case 'load':
        this.weights = copyToFloats(task.payload[0] ?? new Uint8Array());
        this.#step = task.step;
        return { type: 'loaded', step: task.step, digest: this.#digestOf() };
      case 'gradient': {
        const sum = copyToIntegers(task.payload).reduce((total, id) => total + id, 0);
        const { step, shard, attempt, rows } = task.assign;
        const payload = bytesOf(Float32Array.from({ length: LENGTH }, (_, i) => sum * i));
        const answer = { step, shard, attempt, lossSum: sum, characters: rows * SEQUENCE_LENGTH, computeMs: 0 };
        const weightsDigest = task.assign.digest ? this.#digestOf() : null;
        const held = task.assign.ship ? null : { digest: digestOf(payload), finite: true };
        return { type: 'gradient', ...answer, weightsDigest, held, payload };
      }
      case 'apply':
        this.#optimizer.apply(this.weights, copyToFloats(task.payload), task.update.learningRate);
        this.#step = task.update.step + 1;
        return { type: 'applied', step: task.update.step, digest: task.update.digest ? this.#digestOf() : null };
      case 'snapshot': {
        const payload = bytesOf(Float32Array.from(this.weights));
        const about = { step: task.step, optimizerSteps: task.step, slots: [], digest: this.#digestOf() };
        return { type: 'snapshot', ...about, payload };
      }
      case 'evaluate': {
        const { evaluation, index } = task.evaluate;
        return { type: 'evaluated', evaluation, index, lossSum: 6, characters: 3 };
      }
      case 'sample':
        return { type: 'sampled', payload: viewAsBytes(Int32Array.from(task.sample.prime)) };
    }
  }

  #digestOf(): string {
    return digestOf(viewAsBytes(this.weights));
  }
}

/** The same arithmetic on one vector. */
function expectedWeights(): readonly number[] {
  const weights = new Float32Array(LENGTH);
  const optimizer = createOptimizer({ name: 'sgd' }, LENGTH);
  for (let step = 0; step < STEPS; step += 1) {
    const sum = copyToIntegers(windows(step, 0, ROWS)).reduce((total, id) => total + id, 0);
    const mean = Float32Array.from({ length: LENGTH }, (_, i) => (sum * i) / (ROWS * SEQUENCE_LENGTH));
    optimizer.apply(weights, mean, 0.5);
  }
  return [...weights];
}

interface Cluster {
  readonly coordinator: CoordinatorLoop;
  readonly committed: CommittedStep[];
  readonly checkpoints: Replica[];
  readonly reports: Report[];
  connect(peer: string): ClientTransport;
}

function cluster(overrides: Partial<CoordinatorSettings> = {}): Cluster {
  const network = createMemoryNetwork({ seed: 1, clock });
  const settings: CoordinatorSettings = {
    run: 'run-1',
    term: 1,
    softwareVersion: '0',
    config: {},
    fingerprint: 'f',
    layoutDigest: 'l',
    incarnation: 'c1',
    batchSize: ROWS,
    plans: [{ fromStep: 0, shards: planShards(ROWS, 4) }],
    sequenceLength: SEQUENCE_LENGTH,
    totalSteps: STEPS,
    stepsPerEpoch: STEPS,
    learningRate: 0.5,
    sharedMemory: false,
    wire: 'float32',
    gradientLength: LENGTH,
    gradientCredit: 1,
    clipNorm: null,
    topology: 'star',
    minWorkers: 2,
    workerTimeoutMs: 5_000,
    audit: 0,
    seed: 1,
    digestEvery: 1,
    checkpointEvery: null,
    evaluationRows: [],
    sample: null,
    initial: { step: 0, digest: digestOf(new Uint8Array(4 * LENGTH)), optimizerSteps: 0, slots: [] },
    replicaParts: 1,
    resumption: null,
    describeRows: () => '',
    ...overrides,
  };
  const [committed, checkpoints, reports]: [CommittedStep[], Replica[], Report[]] = [[], [], []];
  const coordinator = new CoordinatorLoop(
    {
      transport: network.bind({ endpoint: ENDPOINT, maxFrameBytes: MAX_FRAME_BYTES }),
      clock,
      batches: { windows, evaluation: () => windows(0, 0, 1) },
      store: storeOf(committed, checkpoints),
      digest: digestOf,
      observe: (report) => reports.push(report),
    },
    {
      settings,
      initialReplica: { step: 0, optimizerSteps: 0, slots: [], vectors: [new Float32Array(LENGTH)] },
    },
  );
  return {
    coordinator,
    committed,
    checkpoints,
    reports,
    connect: (peerId) => network.connect({ endpoint: ENDPOINT, peerId, maxFrameBytes: MAX_FRAME_BYTES }),
  };
}

/** Keeps everything in memory, and is never asked to give it back. */
function storeOf(committed: CommittedStep[], checkpoints: Replica[]): RunStore {
  return {
    commit: async (step) => void committed.push(step),
    plan: () => Promise.resolve(),
    checkpoint: async (replica) => void checkpoints.push(replica),
    restore: () => Promise.reject(new Error('nobody is lost here')),
    finish: () => undefined,
  };
}

let workerCount = 0;

function worker(transport: ClientTransport, compute: Compute = new SummingCompute()): WorkerLoop {
  const ports = { transport, clock, compute, digest: digestOf, note: () => undefined, mesh: null };
  return new WorkerLoop(ports, {
    coordinator: ENDPOINT,
    run: null,
    softwareVersion: '0',
    name: `w${(workerCount += 1)}`,
    supervised: false,
    host: 'h',
    pid: 1,
    connectDeadlineMs: 5_000,
    silenceLimitMs: 30_000,
    awayLimitMs: 30_000,
  });
}

describe('coordinator and workers', () => {
  it.each([1, 2, 3])('%i workers end with the weights worked out by hand', async (count) => {
    const { coordinator, committed, checkpoints, connect } = cluster({ minWorkers: count });
    const workers = Array.from({ length: count }, (_, i) => worker(connect(`w${i}`)));
    const ended = workers.map((one) => one.run());
    expect(await coordinator.run()).toEqual({ result: 'done', steps: STEPS });
    for (const outcome of await Promise.all(ended)) expect(outcome).toEqual({ result: 'done' });
    expect([...(checkpoints.at(-1)?.vectors[0] ?? [])]).toEqual(expectedWeights());
    expect(committed.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
  });

  it('validates and samples on the workers', async () => {
    const sample = { prime: [1, 2], length: 1, temperature: 1, seed: 1, every: { steps: 2 } };
    const { coordinator, reports, connect } = cluster({ minWorkers: 1, evaluationRows: [1, 1], sample });
    const running = worker(connect('w')).run();
    await coordinator.run();
    await running;
    expect(reports).toContainEqual({ type: 'validation', step: STEPS, loss: 2, characters: 6 });
    const sampled = reports.filter((report) => report.type === 'sample');
    expect(sampled.map(({ step }) => step)).toEqual([2, 4, STEPS]);
    for (const { payload } of sampled) expect([...copyToIntegers(payload)]).toEqual([1, 2]);
  });

  it('goes on with the others when one fails, and says why it failed', async () => {
    const { coordinator, checkpoints, reports, connect } = cluster();
    const failing = new SummingCompute();
    const submit = failing.submit.bind(failing);
    let gradients = 0;
    failing.submit = (task) => {
      if (task.type === 'gradient' && (gradients += 1) === 3) return Promise.reject(new Error('out of paper'));
      return submit(task);
    };
    const ended = [worker(connect('w0')).run(), worker(connect('w1'), failing).run()];
    expect(await coordinator.run()).toMatchObject({ result: 'done' });
    expect(await ended[1]).toMatchObject({ result: 'failed', failure: { what: 'out of paper' } });
    const gone = { type: 'worker', status: 'gone', detail: expect.stringContaining('out of paper') };
    expect(reports).toContainEqual(expect.objectContaining(gone));
    expect([...(checkpoints.at(-1)?.vectors[0] ?? [])]).toEqual(expectedWeights());
  });

  it('refuses bytes that are no message and vectors of another length, and is not disturbed', async () => {
    const { coordinator, reports, connect } = cluster();
    connect('stranger').send([new Uint8Array([1, 2, 3])]);
    const ended = [worker(connect('w0')).run(), worker(connect('w1')).run()];
    expect(await coordinator.run()).toMatchObject({ result: 'done' });
    await Promise.all(ended);
    expect(reports).toContainEqual(expect.objectContaining({ type: 'rejected', slot: null }));
  });

  it('ends with the error of its store, and tells the workers', async () => {
    const { coordinator, connect, committed } = cluster({ totalSteps: 1000 });
    const store = { commit: committed };
    store.commit.push = () => {
      throw new Error('disk full');
    };
    const ended = [worker(connect('w0')).run(), worker(connect('w1')).run()];
    await expect(coordinator.run()).rejects.toThrow('disk full');
    const failure = { kind: 'retry', what: 'the run has failed: disk full' };
    for (const outcome of await Promise.all(ended)) expect(outcome).toMatchObject({ result: 'failed', failure });
  });

  it('stops when asked to, between two steps', async () => {
    const { coordinator, checkpoints, connect, committed } = cluster({ totalSteps: 100_000 });
    const ended = [worker(connect('w0')).run(), worker(connect('w1')).run()];
    const running = coordinator.run();
    while (committed.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    coordinator.requestStop();
    const outcome = await running;
    expect(outcome).toMatchObject({ result: 'stopped' });
    expect(checkpoints.at(-1)?.step).toBe(outcome.steps);
    await Promise.all(ended);
  });
});
