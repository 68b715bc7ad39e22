import { tmpdir } from 'node:os';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { checkEngine } from './check.js';
import type { Engine } from './engine.js';
import { findEngine } from './find.js';
import { loadEngine } from './load.js';

const CPU = { kind: 'cpu' } as const;

describe('the wasm engine', () => {
  let engine: Engine;
  const listeners = (): number[] => [
    process.listenerCount('uncaughtException'),
    process.listenerCount('unhandledRejection'),
  ];
  const before = listeners();
  const printed = vi.spyOn(console, 'warn');

  beforeAll(async () => {
    // From any working directory: the .wasm file is found by its package.
    const home = process.cwd();
    process.chdir(tmpdir());
    try {
      engine = await loadEngine(await findEngine('wasm', { device: CPU }), { device: CPU });
    } finally {
      process.chdir(home);
    }
  });

  it('says what it is', () => {
    expect(engine).toMatchObject({ name: 'wasm', version: '4.22.0', device: { kind: 'cpu' }, threads: 1 });
    expect(engine.computeClass).toBe(`wasm-4.22.0-simd ${process.arch}`);
    expect(engine.tf.getBackend()).toBe('wasm');
  });

  it('computes what it should and frees what it made', () => {
    const handles = engine.handleCount();
    checkEngine(engine);
    expect(engine.handleCount()).toBe(handles);
  });

  it('counts its handles', () => {
    const handles = engine.handleCount();
    const tensor = engine.tf.zeros([4]);
    expect(engine.handleCount()).toBe(handles + 1);
    tensor.dispose();
    expect(engine.handleCount()).toBe(handles);
  });

  it("leaves the process's last-resort handlers alone and prints nothing", () => {
    expect(listeners()).toEqual(before);
    expect(printed).not.toHaveBeenCalled();
  });

  it('shares its tfjs with everyone who imports it', async () => {
    const tf = await import('@tensorflow/tfjs-core');
    expect(tf.engine()).toBe(engine.tf.engine());
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
  });

  it('is loaded a second time without harm', async () => {
    const again = await loadEngine(await findEngine('wasm', { device: CPU }), { device: CPU });
    checkEngine(again);
  });

  it('has no GPU', async () => {
    const found = await findEngine('wasm', { device: CPU });
    const asked = loadEngine(found, { device: { kind: 'gpu', index: 0 } });
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('checkEngine', () => {
  it('notices wrong arithmetic, NaN and lost handles', async () => {
    const engine = await loadEngine(await findEngine('wasm', { device: CPU }), { device: CPU });
    const { tf } = engine;
    const wrong = (change: Partial<typeof tf>): Engine => ({ ...engine, tf: { ...tf, ...change } });
    expect(() => checkEngine(wrong({ sigmoid: tf.tanh }))).toThrow('sigmoid gives');
    expect(() => checkEngine(wrong({ tanh: tf.log }))).toThrow('tanh gives NaN');
    const matMul: typeof tf.matMul = (a, b) => tf.neg(tf.matMul(a, b));
    expect(() => checkEngine(wrong({ matMul }))).toThrow('matMul gives');
    expect(() => checkEngine(wrong({ tidy: (body) => (typeof body === 'string' ? tf.tidy(body) : body()) }))).toThrow(
      'tensors were not freed',
    );
  });
});
