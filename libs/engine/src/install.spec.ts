import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { LockstepError } from '@lockstep/config';

import { compileBinding } from './binding.js';
import type { BindingTools } from './binding.js';
import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { Build } from './builds.js';
import { engineProbes, nodeProbe } from './doctor.js';
import { installEngine } from './install.js';
import { wheelSet } from './pins.js';
import { platformProblem } from './platform.js';
import { tfjsNodePackages } from './stock.js';
import { findCompiler, findOpenMp, findPython } from './tools.js';
import { builtFiles, unpackWheels } from './wheels.js';
import type { BuildJob } from './wheels.js';

/*
 * The real installer against machines that lack something, made by a PATH with only some of this machine's programs,
 * or by settings of pip. Nothing is downloaded.
 */

const run = promisify(execFile);
const sources = (await tfjsNodePackages(true))[0];
const CPU_BUILD = tensorflowBuild(false);
const python = await findPython(CPU_BUILD).catch(() => undefined);
const compiler = await findCompiler().catch(() => undefined);
const supported = platformProblem(CPU_BUILD) === undefined && sources !== undefined;
if (!supported) console.warn(`install.spec is skipped: ${platformProblem(CPU_BUILD)?.reason ?? 'run npm install'}`);
if (python === undefined) console.warn('install.spec skips what needs python3 with pip');
if (compiler === undefined) console.warn('install.spec skips what needs a C++ compiler');

let folder: string;
let programs: string;
let cache: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-install-'));
  programs = join(folder, 'programs');
  cache = join(folder, 'cache');
  await mkdir(programs);
  vi.stubEnv('CXX', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function failedInstall(engine: Build['engine'] = 'tensorflow'): Promise<LockstepError> {
  try {
    await installEngine({ engine, gpu: false, cache, onProgress: () => undefined });
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('the install succeeded');
}

/** A wheel in the work folder, whose files hold their own names. */
async function writeWheel(names: readonly string[]): Promise<void> {
  const script = [
    'import sys, zipfile',
    'with zipfile.ZipFile(sys.argv[1], "w") as wheel:',
    '  for name in sys.argv[2:]: wheel.writestr(name, name)',
  ].join('\n');
  await run(python?.program ?? '', ['-c', script, join(folder, 'wheels', 'a.whl'), ...names]);
}

/** Offers pip one folder of wheels instead of an index. */
async function offerWheels(wheels: Record<string, string>): Promise<void> {
  const offer = join(folder, 'wheels');
  await mkdir(offer);
  for (const [name, content] of Object.entries(wheels)) await writeFile(join(offer, name), content);
  vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', offer);
}

describe.skipIf(!supported)('a machine that lacks a tool', () => {
  it('is told to install Python', async () => {
    vi.stubEnv('PATH', programs);
    expect((await failedInstall()).line).toMatch(/needs Python 3\.8 .* there is no python3; .*python3-pip/);
  });

  it.skipIf(python === undefined)('is told to install pip', async () => {
    await run(python?.program ?? '', ['-m', 'venv', '--without-pip', join(folder, 'venv')]);
    vi.stubEnv('PATH', join(folder, 'venv', 'bin'));
    expect((await failedInstall()).line).toMatch(/needs pip, and python3 has none: .*No module.*; .*python3-pip/);
  });

  it.skipIf(python === undefined)('is told to install a compiler', async () => {
    // What PATH names may be a shim that needs the rest of PATH.
    const { stdout } = await run(python?.program ?? '', ['-c', 'import sys; print(sys.executable)']);
    await writeFile(join(programs, 'python3'), `#!/bin/sh\nexec '${stdout.trim()}' "$@"\n`, { mode: 0o755 });
    vi.stubEnv('PATH', programs);
    expect((await failedInstall()).line).toMatch(/needs a C\+\+ compiler.*; .*apt install g\+\+/);
  });

  it('is told to install GCC\'s OpenMP, which no wheel brings', async () => {
    await expect(findOpenMp(undefined, 'libgomp.so.999')).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'the onednn engine needs libgomp.so.999, and this system has none',
      hint: expect.stringContaining('apt install libgomp1'),
    });
  });

  it('is told that oneDNN has no GPU', async () => {
    const install = installEngine({ engine: 'onednn', gpu: true, cache, onProgress: () => undefined });
    await expect(install).rejects.toMatchObject({ kind: 'usage', message: 'the onednn engine has no GPU' });
  });

  it.skipIf(python === undefined)('is told that CXX does not run', async () => {
    vi.stubEnv('CXX', 'ccache /nowhere/g++');
    expect((await failedInstall()).message).toBe('CXX is set to "ccache /nowhere/g++", which does not run');
  });

  it.skipIf(python === undefined || compiler === undefined)('is told that the cache cannot be written', async () => {
    await writeFile(cache, 'a file');
    expect((await failedInstall()).line).toMatch(/cache folder .* cannot be written: .*; set LOCKSTEP_CACHE/);
  });
});

describe.skipIf(!supported || python === undefined || compiler === undefined)('a download that fails', () => {
  afterEach(async () => {
    expect(await readdir(join(cache, 'engines'))).toEqual([]);
  });

  it('blames the network, and leaves nothing behind', async () => {
    vi.stubEnv('PIP_CONFIG_FILE', '/dev/null');
    // Port 1 of the own machine refuses at once.
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple');
    const error = await failedInstall();
    expect(error.kind).toBe('unavailable');
    expect(error.line).toMatch(/fetching TensorFlow by pip failed .* cannot be reached .*; check the network/);
    expect(String(error.cause)).toContain('127.0.0.1');
  });

  it('blames an index that serves other bytes', async () => {
    const name = wheelSet(CPU_BUILD)?.wheels[0]?.requirement.replace('==', '-');
    const platform = wheelSet(CPU_BUILD)?.platforms[0];
    await offerWheels({ [`${name?.replace('-cpu', '_cpu')}-cp312-cp312-${platform}.whl`]: 'not this one' });
    expect((await failedInstall()).line).toMatch(/served another file than .* pins .*; check which index/);
  });

  it.skipIf(platformProblem(ONEDNN_BUILD) !== undefined)('blames it for oneDNN as well', async () => {
    await offerWheels({ 'onednn_cpu_gomp-2023.2.0-py2.py3-none-manylinux1_x86_64.whl': 'not this one' });
    expect((await failedInstall('onednn')).line).toMatch(/fetching oneDNN .*served another file .*; check which index/);
  });

  it('blames an index without the wheel', async () => {
    await offerWheels({});
    expect((await failedInstall()).line).toMatch(/does not offer the wheel .*; check the index settings/);
  });

  it('ends when its caller gives up', async () => {
    const controller = new AbortController();
    const install = installEngine({
      engine: 'tensorflow',
      gpu: false,
      cache,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(install).rejects.toThrow('fetching TensorFlow by pip was interrupted');
  });
});

describe.skipIf(!supported || python === undefined || compiler === undefined)('a build that fails', () => {
  const job = (build = CPU_BUILD): BuildJob => {
    const wheels = wheelSet(build);
    if (wheels === undefined || python === undefined) throw new Error('not supported');
    const run = { steps: 4, onProgress: () => undefined, signal: undefined };
    return { build, wheelSet: wheels, python, work: folder, ...run };
  };
  const tools = (): BindingTools => {
    if (compiler === undefined) throw new Error('not supported');
    return { compiler, sources: sources?.folder ?? '' };
  };

  it('passes on what the compiler says', async () => {
    await mkdir(join(folder, 'libraries'));
    await expect(compileBinding(job(), tools())).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/compiling the binding failed in .*: .*(error|terminated)/),
    });
  });

  it('passes on that a wheel is not one', async () => {
    await mkdir(join(folder, 'wheels'));
    await writeFile(join(folder, 'wheels', 'tensorflow.whl'), 'not a zip file');
    await expect(unpackWheels(job())).rejects.toThrow(/unpacking TensorFlow failed .*BadZipFile/);
  });

  it.skipIf(platformProblem(ONEDNN_BUILD) !== undefined)('takes one library out of the wheel of oneDNN', async () => {
    await mkdir(join(folder, 'wheels'));
    const data = 'onednn_cpu_gomp-2023.2.0.data/data';
    const names = ['lib/libdnnl.so', 'lib/libdnnl.so.3', 'lib/libdnnl.so.3.2', 'share/doc/onednn/LICENSE'];
    await writeWheel(names.map((name) => `${data}/${name}`));
    await unpackWheels(job(ONEDNN_BUILD));
    expect(await builtFiles(job(ONEDNN_BUILD))).toEqual(['libdnnl.so.3.2']);
  });

  it('takes only the libraries and headers out of a wheel', async () => {
    await mkdir(join(folder, 'wheels'));
    const names = [
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/python/_pywrap.so',
      'tensorflow/include/tensorflow/c/c_api.h',
      'tensorflow/include/Eigen/Core',
      'nvidia/cudnn/lib/libcudnn.so.9',
      'nvidia/cudnn/include/cudnn.h',
      'nvidia/cudnn/lib/../../../escape.so',
      'nvidia/../lib/escape.so',
    ];
    await writeWheel(names);
    await unpackWheels(job());
    expect(await builtFiles(job())).toEqual(['nvidia/cudnn/lib/libcudnn.so.9', 'tensorflow/libtensorflow_cc.so.2']);
    expect(await readdir(join(folder, 'headers'), { recursive: true })).toEqual([
      'tensorflow',
      'tensorflow/c',
      'tensorflow/c/c_api.h',
    ]);
    expect(await readFile(join(folder, 'headers', 'tensorflow/c/c_api.h'), 'utf8')).toBe(names[2]);
  });
});

describe('doctor', () => {
  it.each([
    ['v20.19.0', 'ok'],
    ['v20.18.3', 'fail'],
    ['v22.12.0', 'ok'],
    ['v22.11.0', 'fail'],
    ['v23.5.0', 'fail'],
    ['v24.0.0', 'ok'],
    ['v26.10.0', 'ok'],
    ['v18.20.0', 'fail'],
  ])('judges Node %s: %s', (version, ok) => {
    expect(nodeProbe(version)).toMatchObject({ ok, advice: ok === 'ok' ? '' : expect.stringContaining('20.19') });
  });

  it('computes with the engine it finds and has advice exactly where something is wrong', async () => {
    const probes = await engineProbes({ choice: 'wasm', device: { kind: 'cpu' }, cache });
    const names = ['node', 'npm', 'cores', 'memory', 'gpus', 'engine', 'engine check'];
    expect(probes.map(({ name }) => name)).toEqual(names);
    expect(probes.at(-1)).toMatchObject({ ok: 'ok', value: expect.stringMatching(/^wasm 4\.22\.0 .* computes/) });
    for (const { ok, advice } of probes) expect(advice === '').toBe(ok === 'ok');
  });

  it.skipIf(!supported)('asks for the tools of an install where the engine is missing', async () => {
    vi.stubEnv('PATH', programs);
    const probes = await engineProbes({ choice: 'tensorflow', device: { kind: 'cpu' }, cache });
    const named = Object.fromEntries(probes.map((probe) => [probe.name, probe]));
    expect(named['engine']).toMatchObject({ ok: 'fail', advice: 'run `lockstep engine install tensorflow`' });
    expect(named['python and pip']).toMatchObject({ ok: 'warn', advice: expect.stringContaining('python3-pip') });
    expect(named['C++ compiler']).toMatchObject({ ok: 'warn', advice: expect.stringContaining('g++') });
    expect(named['npm']).toMatchObject({ ok: 'warn' });
  });
});
