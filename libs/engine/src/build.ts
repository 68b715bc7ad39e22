/**
 * The four steps that make a build in a work folder: fetch the pinned wheels, take the libraries and headers out,
 * compile the addon of tfjs-node against them, and load it once in a process of its own. The addon uses Node's stable
 * C interface only, so one build serves every Node and needs neither node-gyp nor Node's headers, just those of the
 * npm package `node-api-headers`.
 */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { invariant } from '@lockstep/config';

import { runChild } from './child.js';
import type { ChildEnd, ChildNeeds } from './child.js';
import { explainFailure } from './failures.js';
import {
  COMPILE_DEADLINE_MS,
  DOWNLOAD_DEADLINE_MS,
  GPU_DOWNLOAD_DEADLINE_MS,
  LOAD_DEADLINE_MS,
  UNPACK_DEADLINE_MS,
} from './limits.js';
import { BINDING_NAME } from './manifest.js';
import { TENSORFLOW_VERSION } from './pins.js';
import type { WheelSet } from './pins.js';
import { packageFolder } from './stock.js';
import type { Tool } from './tools.js';

export interface BuildJob {
  readonly gpu: boolean;
  readonly wheelSet: WheelSet;
  readonly python: Tool;
  readonly compiler: Tool;
  /** A tfjs-node package: the addon's sources. */
  readonly sources: string;
  /** An empty folder; the build arises in `libraries` inside it. */
  readonly work: string;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

const NATIVE_FOLDER = join(import.meta.dirname, '..', 'native');

/** The folder of the finished files of a job. */
export function librariesOf(job: BuildJob): string {
  return join(job.work, 'libraries');
}

/**
 * Fetches the wheels by pip, from the index pip is configured with; a wheel with another SHA-256 is refused by pip
 * itself.
 */
export async function downloadWheels(job: BuildJob): Promise<void> {
  const wheels = join(job.work, 'wheels');
  const requirements = join(job.work, 'requirements.txt');
  const lines = job.wheelSet.wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`);
  await writeFile(requirements, lines.join(''));
  const size = job.gpu ? '2.4 GB' : '0.3 GB';
  job.onProgress(`1/4 fetching TensorFlow ${TENSORFLOW_VERSION}${job.gpu ? ' with CUDA' : ''} by pip (${size})`);
  // Without --platform and --abi pip would look for a wheel for its own Python; the libraries inside are the same for
  // all.
  const args = [
    ...['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--no-cache-dir'],
    ...['--progress-bar', 'off', '--timeout', '30', '--retries', '2'],
    ...['--no-deps', '--only-binary', ':all:', '--require-hashes'],
    ...['--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312'],
    ...job.wheelSet.platforms.flatMap((platform) => ['--platform', platform]),
    ...['--dest', wheels, '--requirement', requirements],
  ];
  // pip's temporary files belong on the same disk as the result: /tmp is often small.
  const temporary = join(job.work, 'pip');
  await mkdir(temporary);
  await step(job, 'fetching TensorFlow by pip', job.python.program, args, {
    deadlineMs: job.gpu ? GPU_DOWNLOAD_DEADLINE_MS : DOWNLOAD_DEADLINE_MS,
    environment: { TMPDIR: temporary },
  });
}

/** Takes libraries and headers out of the wheels. */
export async function unpackWheels(job: BuildJob): Promise<void> {
  job.onProgress('2/4 unpacking the library');
  const script = join(NATIVE_FOLDER, 'unpack.py');
  const args = [script, join(job.work, 'wheels'), librariesOf(job), join(job.work, 'headers')];
  await step(job, 'unpacking TensorFlow', job.python.program, args, { deadlineMs: UNPACK_DEADLINE_MS });
}

/** Compiles the addon beside the libraries it needs. */
export async function compileBinding(job: BuildJob): Promise<void> {
  job.onProgress(`3/4 compiling the binding with ${job.compiler.version}`);
  const nodeHeaders = packageFolder('node-api-headers');
  invariant(nodeHeaders !== undefined, 'node-api-headers is a dependency of this package');
  const args = [
    ...job.compiler.args,
    ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8'],
    ...[join(nodeHeaders, 'include'), join(job.work, 'headers'), job.sources].map((folder) => `-I${folder}`),
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(job.sources, 'binding', name)),
    join(NATIVE_FOLDER, 'log_level.cc'),
    ...['-o', BINDING_NAME, 'tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'],
    // An old-style rpath comes before LD_LIBRARY_PATH, so that another TensorFlow there is not taken, and serves what
    // the libraries open later (CUDA). For initfirst see native/log_level.cc.
    '-Wl,--disable-new-dtags,-rpath,$ORIGIN,-z,initfirst',
  ];
  await step(job, 'compiling the binding', job.compiler.program, args, {
    deadlineMs: COMPILE_DEADLINE_MS,
    cwd: librariesOf(job),
  });
}

/** Loads an addon in a fresh process, where a crash harms nobody; `done` when it is the TensorFlow we pin. */
export async function tryBinding(binding: string, signal: AbortSignal | undefined): Promise<ChildEnd> {
  const script = 'console.log(require(process.argv[1]).TF_Version)';
  const end = await runChild(process.execPath, ['-e', script, binding], {
    deadlineMs: LOAD_DEADLINE_MS,
    signal,
    environment: { CUDA_VISIBLE_DEVICES: '-1' },
  });
  return end.how === 'done' && !end.tail.includes(TENSORFLOW_VERSION) ? { ...end, how: 'failed' } : end;
}

/** A build that does not load is never put in place. */
export async function proveBinding(job: BuildJob): Promise<void> {
  job.onProgress('4/4 loading it once');
  const end = await tryBinding(join(librariesOf(job), BINDING_NAME), job.signal);
  if (end.how !== 'done') throw explainFailure('loading the binding', end, job.work, LOAD_DEADLINE_MS);
}

/** Paths of all finished files, as the manifest names them. */
export async function builtFiles(job: BuildJob): Promise<string[]> {
  const entries = await readdir(librariesOf(job), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(librariesOf(job), join(entry.parentPath, entry.name))).sort();
}

async function step(
  job: BuildJob,
  what: string,
  program: string,
  args: readonly string[],
  needs: Omit<ChildNeeds, 'signal' | 'onLine'>,
): Promise<ChildEnd> {
  const onLine = (line: string): void => job.onProgress(`  ${line}`);
  const end = await runChild(program, args, { ...needs, signal: job.signal, onLine });
  if (end.how !== 'done') throw explainFailure(what, end, job.work, needs.deadlineMs);
  return end;
}
