import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type * as tfjs from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { checkEngine } from '../check.js';
import { gruResults } from '../check-gru.js';
import type { Engine, OneDnnFound } from '../engine.js';
import { engineEnvironment } from '../environment.js';
import { findEngine } from '../find.js';
import { loadEngine } from '../load.js';
import { proveEngine } from '../prove.js';
import { GruPlan } from './gru-plan.js';
import { GruPlans } from './gru-plans.js';
import { OneDnn } from './library.js';
import { ArrayPool } from './pool.js';

const CPU = { kind: 'cpu' } as const;
const run = promisify(execFile);

const found = await findEngine('onednn', { device: CPU }).catch((error: unknown) => String(error));
const native: OneDnnFound | undefined = typeof found === 'object' && found.name === 'onednn' ? found : undefined;
if (native === undefined) console.warn(`onednn.spec is skipped: ${JSON.stringify(found)}`);

/** The found engine; tests that call it are skipped where there is none. */
function demandNative(): OneDnnFound {
  if (native === undefined) throw new Error('no onednn engine');
  return native;
}

function numbers(length: number, period = 41): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i * 37) % period) / period - 0.5);
}

interface Sizes {
  readonly steps: number;
  readonly rows: number;
  readonly inputs: number;
  readonly units: number;
}

function weightsOf({ inputs, units }: Sizes) {
  return {
    ...{ weightIh: numbers(3 * units * inputs), weightHh: numbers(3 * units * units, 97) },
    ...{ biasIh: numbers(3 * units), biasHh: numbers(3 * units, 23) },
  };
}

/** Both passes of a plan in arrays of their own; all results, end to end. */
function passes(plan: GruPlan, sizes: Sizes): Float32Array[] {
  const { steps, rows, inputs, units } = sizes;
  const weights = weightsOf(sizes);
  const arrays = {
    ...{ x: numbers(steps * rows * inputs, 19), state: numbers(rows * units, 13) },
    ...{ hidden: new Float32Array(steps * rows * units), workspace: new Float32Array(plan.workspaceLength) },
  };
  plan.forward(weights, arrays);
  const d = {
    ...{ dx: new Float32Array(arrays.x.length), dstate: new Float32Array(rows * units) },
    ...{ dweightIh: new Float32Array(3 * units * inputs), dweightHh: new Float32Array(3 * units * units) },
    ...{ dbiasIh: new Float32Array(3 * units), dbiasHh: new Float32Array(3 * units) },
  };
  plan.backward(weights, { ...arrays, dhidden: numbers(arrays.hidden.length, 29) }, d);
  return [arrays.hidden, ...Object.values(d)];
}

describe.skipIf(native === undefined)('the onednn engine', () => {
  let engine: Engine;
  let tf: typeof tfjs;
  const printed = vi.spyOn(console, 'warn');

  beforeAll(async () => {
    Object.assign(process.env, engineEnvironment({ threads: 2, device: CPU }));
    engine = await loadEngine(demandNative(), { device: CPU });
    tf = engine.tf;
  });

  it('says what computes', () => {
    expect(engine).toMatchObject({ name: 'onednn', version: '3.2.0', threads: 2 });
    expect(engine.label).toMatch(/^onednn 3\.2\.0 \((AVX2|AVX-512)\), fused lbr_gru$/);
    expect(engine.computeClass).toMatch(/^onednn-3\.2\.0 linux-x64 cpu (AVX2|AVX-512) avx,avx2/);
    expect(engine.computeClass).toMatch(/ threads=2( |$)/);
  });

  it('passes its self-check, which knows a GRU, and prints nothing', () => {
    expect(gruResults(engine)?.right.states).toHaveLength(3 * 2 * 17);
    checkEngine(engine);
    expect(printed).not.toHaveBeenCalled();
  });

  describe('matrix products', () => {
    const product = (a: Tensor, b: Tensor, ...flags: boolean[]): number[] =>
      Array.from(tf.tidy(() => tf.matMul(a, b, ...flags)).dataSync());

    it('know transposed sides', () => {
      const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
      const b = tf.tensor2d([1, 0, 2, 1, 0, 3], [3, 2]);
      const right = [5, 11, 14, 23];
      expect(product(a, b)).toEqual(right);
      expect(product(tf.transpose(a), b, true, false)).toEqual(right);
      expect(product(a, tf.transpose(b), false, true)).toEqual(right);
      expect(product(tf.transpose(a), tf.transpose(b), true, true)).toEqual(right);
    });

    it('know batches, one of which may be shared, and nothing at all', () => {
      const a = tf.tensor3d([1, 2, 3, 4], [2, 1, 2]);
      const b = tf.tensor3d([1, 0, 0, 1], [1, 2, 2]);
      expect(product(a, b)).toEqual([1, 2, 3, 4]);
      expect(product(tf.zeros([0, 3]), tf.zeros([3, 2]))).toEqual([]);
    });
  });

  it.each([
    { steps: 1, rows: 1, inputs: 1, units: 1 },
    { steps: 1, rows: 3, inputs: 2, units: 5 },
    { steps: 7, rows: 1, inputs: 66, units: 33 },
    { steps: 4, rows: 21, inputs: 19, units: 40 },
  ])('computes a GRU and its gradients: $steps steps, $rows rows, $inputs inputs, $units units', (sizes) => {
    const results = gruResults(engine, sizes);
    expect(results?.got.states).toHaveLength(sizes.steps * sizes.rows * sizes.units);
    expect(results?.got.derivative).toBeCloseTo(results?.right.derivative ?? NaN, 4);
    Array.from(results?.right.states ?? []).forEach((state, i) => {
      expect(results?.got.states[i]).toBeCloseTo(state, 5);
    });
  });

  it('gives nobody an array that is still in use', () => {
    const [a, b] = [tf.tensor2d(numbers(128 * 64), [128, 64]), tf.tensor2d(numbers(64 * 96), [64, 96])];
    const first = tf.matMul<Tensor>(a, b);
    const rows = tf.slice(first, [32, 0], [8, 96]);
    const whole = first.dataSync();
    const before = [rows.dataSync().slice(), whole.slice()];
    first.dispose();
    // Takes the array of the first product, if that was given back.
    tf.matMul<Tensor>(tf.neg(a), b).dataSync();
    expect([rows.dataSync(), whole]).toEqual(before);
  });

  it('joins vectors, and anything else as tfjs does', () => {
    expect(Array.from(tf.concat([tf.tensor1d([1, 2]), tf.tensor1d([3])]).dataSync())).toEqual([1, 2, 3]);
    const pairs = [tf.tensor2d([1, 2], [2, 1]), tf.tensor2d([3, 4], [2, 1])];
    expect(Array.from(tf.concat(pairs, 1).dataSync())).toEqual([1, 3, 2, 4]);
  });
});

describe.skipIf(native === undefined)('a plan of a GRU', () => {
  const created = native === undefined ? undefined : new OneDnn(native.library);
  const dnn = (): OneDnn => {
    if (created === undefined) throw new Error('no onednn engine');
    return created;
  };
  const pool = (): ArrayPool => new ArrayPool(dnn());

  it('gives the same bits after others have used its scratch memory', () => {
    const sizes = { steps: 4, rows: 21, inputs: 19, units: 40 };
    const shared = pool();
    const plan = new GruPlan(dnn(), shared, sizes);
    const other = { ...sizes, steps: sizes.steps + 1 };
    passes(new GruPlan(dnn(), shared, other), other);
    expect(passes(plan, sizes)).toEqual(passes(new GruPlan(dnn(), pool(), sizes), sizes));
    plan.free();
  });

  it('survives garbage collection between its making and its use', async () => {
    const script = `
      import { OneDnn } from ${JSON.stringify(distOf('library'))};
      import { GruPlan } from ${JSON.stringify(distOf('gru-plan'))};
      import { ArrayPool } from ${JSON.stringify(distOf('pool'))};
      const dnn = new OneDnn(process.argv[1]);
      const sizes = { steps: 3, rows: 2, inputs: 4, units: 64 };
      const plan = new GruPlan(dnn, new ArrayPool(dnn), sizes);
      const values = (length) => Float32Array.from({ length }, (_, i) => ((i * 37) % 41) / 41 - 0.5);
      const weights = { weightIh: values(768), weightHh: values(12288), biasIh: values(192), biasHh: values(192) };
      const results = new Set();
      for (let round = 0; round < 50; round++) {
        for (let waste = 0; waste < 20; waste++) new Float32Array(100_000).fill(round);
        globalThis.gc();
        const hidden = new Float32Array(3 * 2 * 64);
        const workspace = new Float32Array(plan.workspaceLength);
        plan.forward(weights, { x: values(24), state: values(128), hidden, workspace });
        results.add(Buffer.from(hidden.buffer).toString('base64'));
      }
      console.log(results.size);`;
    const args = ['--expose-gc', '--input-type=module', '-e', script, demandNative().library];
    expect((await run(process.execPath, args)).stdout).toBe('1\n');
  });

  it('is freed when too many sizes were seen, and made anew', () => {
    const plans = new GruPlans(dnn(), pool());
    const sizesOf = (rows: number): Sizes => ({ steps: 2, rows, inputs: 3, units: 16 });
    const first = plans.planFor(sizesOf(1));
    expect(plans.planFor(sizesOf(1))).toBe(first);
    const right = passes(first, sizesOf(1));
    for (let rows = 2; rows < 12; rows += 1) passes(plans.planFor(sizesOf(rows)), sizesOf(rows));
    const again = plans.planFor(sizesOf(1));
    expect(again).not.toBe(first);
    expect(passes(again, sizesOf(1))).toEqual(right);
  });
});

/** Of the compiled file: a fresh Node takes no TypeScript. */
function distOf(name: string): string {
  return join(import.meta.dirname, '..', '..', 'dist', 'onednn', `${name}.js`);
}

describe('the pool', () => {
  it('gives back the array of the same length, and drops what nobody takes', () => {
    const advised: number[] = [];
    const pool = new ArrayPool({ advise: (array) => advised.push(array.length), addressOf: () => 16n });
    const first = pool.take(1 << 20);
    expect(advised).toEqual([1 << 20]);
    pool.giveBack(first);
    pool.giveBack(pool.take(16));
    expect(pool.spareBytes).toBe(first.byteLength);
    expect(pool.take(1 << 19)).toHaveLength(1 << 19);
    expect(pool.take(1 << 20)).toBe(first);
    pool.giveBack(first);
    for (let turn = 0; turn < 200; turn += 1) pool.giveBack(pool.take(5000));
    expect(pool.spareBytes).toBe(5000 * 4);
  });
});

describe.skipIf(native === undefined)('a library that is not right', () => {
  it.each([
    ['is no library', (path: string) => writeFile(path, 'not a library'), /does not load: .*(too short|invalid ELF)/],
    [
      'is cut short',
      async (path: string) => {
        await copyFile(demandNative().library, path);
        await truncate(path, 1 << 20);
      },
      /does not (load|get through its self-check)/,
    ],
    ['is missing', () => Promise.resolve(), /does not load: .*cannot open shared object file/],
  ])('is passed over when it %s', async (_, make, reason) => {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-onednn-'));
    try {
      const library = join(folder, 'libdnnl.so.3.2');
      await make(library);
      const proof = await proveEngine({ ...demandNative(), folder, library }, CPU);
      expect(proof).toMatchObject({
        reason: expect.stringMatching(reason),
        advice: expect.stringContaining('install'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
