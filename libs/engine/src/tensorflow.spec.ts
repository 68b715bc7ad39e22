import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { checkEngine } from './check.js';
import type { Engine, TensorflowFound } from './engine.js';
import { engineEnvironment } from './environment.js';
import { findEngine } from './find.js';
import { loadEngine } from './load.js';

const CPU = { kind: 'cpu' } as const;

const found = await findEngine('tensorflow', { device: CPU }).catch((error: unknown) => String(error));
const native: TensorflowFound | undefined = 
  typeof found === 'object' && found.name === 'tensorflow' ? found : undefined;
if (typeof found === 'string') console.warn(`tensorflow.spec is skipped: ${found}`);

/** The found engine; tests that call it are skipped where there is none. */
function demandNative(): TensorflowFound {
  if (native === undefined) throw new Error('no tensorflow engine');
  return native;
}

const run = promisify(execFile);

describe.skipIf(native === undefined)('the tensorflow engine', () => {
  let engine: Engine;
  const printed = vi.spyOn(console, 'warn');

  beforeAll(async () => {
    Object.assign(process.env, engineEnvironment({ threads: 2, device: CPU }));
    engine = await loadEngine(demandNative(), { device: CPU });
  });

  it('says what it is', () => {
    const { version } = demandNative();
    expect(engine).toMatchObject({ name: 'tensorflow', version, device: { kind: 'cpu' }, threads: 2 });
    expect(engine.computeClass).toContain('threads=2');
    expect(engine.tf.getBackend()).toBe('tensorflow');
  });

  it('computes what it should and frees what it made', () => {
    const handles = engine.handleCount();
    checkEngine(engine);
    expect(engine.handleCount()).toBe(handles);
  });

  it('counts the tensors of the native library', () => {
    const handles = engine.handleCount();
    const inputs = [engine.tf.tensor1d([1, 2]), engine.tf.tensor1d([3, 4])] as const;
    // Values are handed over when the first op needs them.
    expect(engine.handleCount()).toBe(handles);
    const sum = engine.tf.add(...inputs);
    expect(engine.handleCount()).toBe(handles + 3);
    engine.tf.dispose([...inputs, sum]);
    expect(engine.handleCount()).toBe(handles);
  });

  it('gives the same bits each time', () => {
    const { tf } = engine;
    const product = (): Float32Array =>
      tf.tidy(() => {
        const a = tf.randomUniform([64, 512], -1, 1, 'float32', 7);
        const b = tf.randomUniform([512, 384], -1, 1, 'float32', 8);
        return tf.matMul(a, b).dataSync<'float32'>();
      });
    const first = Buffer.from(product().buffer);
    expect(Buffer.from(product().buffer).equals(first)).toBe(true);
  });

  it('shares its tfjs with everyone who imports it', async () => {
    const tf = await import('@tensorflow/tfjs-core');
    expect(tf.engine()).toBe(engine.tf.engine());
    expect(tf.add(1, 2).dataSync()[0]).toBe(3);
  });

  it('prints nothing', () => {
    expect(printed).not.toHaveBeenCalled();
  });

  it('is loaded once a process', async () => {
    await expect(loadEngine(demandNative(), { device: CPU })).rejects.toMatchObject({ kind: 'internal' });
  });

  it.skipIf(native?.gpu === true)('refuses a GPU it was not built for', async () => {
    const asked = loadEngine(demandNative(), { device: { kind: 'gpu', index: 0 } });
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable', hint: expect.stringContaining('--gpu') });
  });
});

describe.skipIf(native?.source !== 'cache')('the addon of our own build', () => {
  const load = (environment: Record<string, string>): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, ['-e', 'console.log(require(process.argv[1]).TF_Version)', demandNative().binding], {
      env: { PATH: '/usr/bin', CUDA_VISIBLE_DEVICES: '-1', ...environment },
    });

  it('prints no banner, unless it is asked for', async () => {
    expect(await load({})).toEqual({ stdout: '2.21.0\n', stderr: '' });
    expect((await load({ TF_CPP_MIN_LOG_LEVEL: '0' })).stderr).toContain('oneDNN');
  });

  it('takes its own library, whatever LD_LIBRARY_PATH says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-library-'));
    await writeFile(join(folder, 'libtensorflow_framework.so.2'), 'not a library');
    try {
      expect((await load({ LD_LIBRARY_PATH: folder })).stdout).toBe('2.21.0\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
