/** The engine's side of a worker on the embedded engine: what it holds, and what it says of it. */
import type { RunConfig } from '@lockstep/config';
import { initialWeights } from '@lockstep/model';
import type { ComputeResult, ComputeTask } from '@lockstep/protocol';
import { bytesOf, digestOf, weightLayout } from '@lockstep/reduce';
import { copyToFloats, viewAsBytes } from '@lockstep/runtime';
import { describe, expect, it } from 'vitest';
import { transferables } from './compute-protocol.js';
import { ComputeService } from './compute-service.js';
import type { FaultPoint } from './fault-points.js';

const CONFIG: RunConfig = {
  ...{ formatVersion: 2, text: { sources: ['t'], sha256: '0'.repeat(64), characters: 100 }, vocabularySize: 5 },
  ...{ vocabularyDigest: 'v', order: 'shuffled', validationFraction: 0, batchSize: 2, sequenceLength: 3 },
  ...{ embedding: 4, units: 4, init: 'torch', initFrom: null, optimizer: 'adam', learningRate: 0.01 },
  ...{
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    clipNorm: null,
    seed: 1,
    shards: 1,
    wire: 'float32',
    engine: 'wasm',
    device: 'cpu',
  },
  ...{ threads: 1, digestEvery: 1 },
};
const ENVELOPE = { run: 'r', term: 1, membership: 1 };
const layout = weightLayout(CONFIG);
const weights = initialWeights(layout, { seed: 1, init: 'torch' });
const zeros = new Float32Array(layout.length);
const record = { step: 0, loss: 1, characters: 6, gradientNorm: 1, seconds: 1, shardDigests: ['d'] };

async function perform<T extends ComputeResult['type']>(
  service: ComputeService,
  type: T,
  task: ComputeTask,
): Promise<Extract<ComputeResult, { type: T }>> {
  const result = await service.perform(task);
  if (result.type !== type) throw new Error(`${result.type} instead of ${type}`);
  return result as Extract<ComputeResult, { type: T }>;
}

const prepare = (service: ComputeService, config: RunConfig = CONFIG) =>
  perform(service, 'prepared', { type: 'prepare', config, mesh: true });

function load(service: ComputeService, step: number, payload: readonly Uint8Array[]) {
  return perform(service, 'loaded', { type: 'load', step, optimizerSteps: step, slots: ['m', 'v'], payload });
}

function gradient(service: ComputeService, step: number, withDigest = false) {
  const assign = { ...ENVELOPE, step, shard: 0, attempt: 0, rows: 2, digest: withDigest, ship: true } as const;
  const payload = viewAsBytes(Int32Array.of(0, 1, 2, 3, 4, 3, 2, 1));
  return perform(service, 'gradient', { type: 'gradient', assign: { type: 'assign', ...assign }, payload });
}

function apply(service: ComputeService, step: number, payload: Uint8Array) {
  const update = {
    ...ENVELOPE,
    step,
    learningRate: 0.01,
    exchange: null,
    scale: 1,
    digest: true,
    record,
    journalled: 0,
  } as const;
  return perform(service, 'applied', { type: 'apply', update: { type: 'update', ...update }, payload });
}

async function opened(faultPoint?: FaultPoint): Promise<ComputeService> {
  const service = new ComputeService({ kind: 'cpu' }, faultPoint);
  await prepare(service);
  await load(service, 0, [bytesOf(weights), bytesOf(zeros), bytesOf(zeros)]);
  return service;
}

describe('ComputeService', () => {
  it('says which replica it holds whenever it is prepared', async () => {
    const service = new ComputeService({ kind: 'cpu' });
    expect(await prepare(service)).toMatchObject({ layoutDigest: layout.digest, replica: null });
    await load(service, 0, [bytesOf(weights), bytesOf(zeros), bytesOf(zeros)]);
    expect(await prepare(service)).toMatchObject({ replica: { step: 0, digest: digestOf(bytesOf(weights)) } });
    const { payload } = await gradient(service, 0);
    const applied = await apply(service, 0, payload);
    expect(applied.digest).not.toBe(digestOf(bytesOf(weights)));
    expect(await prepare(service)).toMatchObject({ replica: { step: 1, digest: applied.digest } });
  });

  it('goes on from a snapshot in parts, cut anywhere, with the same bits', async () => {
    const first = await opened();
    await apply(first, 0, (await gradient(first, 0)).payload);
    const snapshot = await perform(first, 'snapshot', { type: 'snapshot', step: 1 });
    expect(snapshot).toMatchObject({ step: 1, optimizerSteps: 1 });
    expect(snapshot.payload.byteLength).toBe(3 * 4 * layout.length);
    expect(digestOf(snapshot.payload.subarray(0, 4 * layout.length))).toBe(snapshot.digest);

    const second = new ComputeService({ kind: 'cpu' });
    await prepare(second);
    const { payload, slots } = snapshot;
    const parts = [payload.subarray(0, 7), payload.subarray(7, 1001), payload.subarray(1001)];
    const about = { step: 1, optimizerSteps: 1, slots };
    const loaded = await perform(second, 'loaded', { type: 'load', ...about, payload: parts });
    expect(loaded.digest).toBe(snapshot.digest);
    const gradients = await Promise.all([gradient(first, 1), gradient(second, 1)]);
    expect(gradients[0].payload).toEqual(gradients[1].payload);
    const ends = await Promise.all([first, second].map((one) => apply(one, 1, gradients[0].payload)));
    expect(ends[0]?.digest).toBe(ends[1]?.digest);
  });

  it('gives away nothing that it still needs, of weights that lie beside the optimizer too', async () => {
    const config = { ...CONFIG, embedding: 64, units: 96 };
    const larger = weightLayout(config);
    const first = initialWeights(larger, { seed: 1, init: 'torch' });
    const blank = new Float32Array(larger.length);
    const services = [new ComputeService({ kind: 'cpu' }), new ComputeService({ kind: 'cpu' })] as const;
    for (const service of services) {
      await prepare(service, config);
      await load(service, 0, [bytesOf(first), bytesOf(blank), bytesOf(blank)]);
    }
    const [giving, keeping] = services;
    for (const step of [0, 1]) {
      const result = await gradient(giving, step);
      const { payload } = structuredClone(result, { transfer: transferables(result) });
      const applied = await apply(giving, step, payload);
      expect((await apply(keeping, step, payload)).digest).toBe(applied.digest);
      const snapshot = await perform(giving, 'snapshot', { type: 'snapshot', step: step + 1 });
      const received = structuredClone(snapshot, { transfer: transferables(snapshot) });
      expect(digestOf(received.payload.subarray(0, 4 * larger.length))).toBe(applied.digest);
      expect(received.payload.buffer.byteLength).toBe(3 * 4 * larger.length);
    }
  });

  it('vouches for the weights behind a gradient when asked to', async () => {
    const service = await opened();
    expect((await gradient(service, 0)).weightsDigest).toBeNull();
    expect((await gradient(service, 0, true)).weightsDigest).toBe(digestOf(bytesOf(weights)));
  });

  it('keeps what it holds when an update comes for another step', async () => {
    const service = await opened();
    await expect(apply(service, 1, new Uint8Array(4 * layout.length))).rejects.toThrow(/step 1.*step 0/);
    expect(await prepare(service)).toMatchObject({ replica: { step: 0 } });
  });

  it('serves one run only', async () => {
    const service = await opened();
    const other = { ...CONFIG, seed: 2 };
    await expect(service.perform({ type: 'prepare', config: other, mesh: true })).rejects.toMatchObject({
      kind: 'internal',
    });
  });

  it('lets a fault change the values where it may, and nothing else', async () => {
    const points: string[] = [];
    const service = await opened((point, { step, shard }, values) => {
      points.push(`${point} ${step} ${shard ?? '-'}`);
      values?.fill(0.5);
    });
    const { payload, weightsDigest } = await gradient(service, 0, true);
    expect(copyToFloats(payload).every((value) => value === 0.5)).toBe(true);
    expect(weightsDigest).toBe(digestOf(bytesOf(weights)));
    const { digest: afterwards } = await apply(service, 0, payload);
    expect(afterwards).toBe(digestOf(bytesOf(new Float32Array(layout.length).fill(0.5))));
    expect(points).toEqual(['W6 0 0', 'W7 0 0', 'applied 0 -']);
  });
});
