/**
 * The last two steps of a TensorFlow build: compile the addon of tfjs-node against the libraries, and load it once in
 * a process of its own. The addon uses Node's stable C interface only, so one build serves every Node and needs
 * neither node-gyp nor Node's headers, just those of the npm package `node-api-headers`.
 */

import { join } from 'node:path';

import { invariant } from '@lockstep/config';

import { runChild } from './child.js';
import type { ChildEnd } from './child.js';
import { explainFailure } from './failures.js';
import { COMPILE_DEADLINE_MS, LOAD_DEADLINE_MS } from './limits.js';
import { TENSORFLOW_VERSION } from './pins.js';
import { packageFolder } from './stock.js';
import type { Tool } from './tools.js';
import { NATIVE_FOLDER, librariesOf, runStep } from './wheels.js';
import type { BuildJob } from './wheels.js';

/** What compiling needs. */
export interface BindingTools {
  readonly compiler: Tool;
  /** A tfjs-node package: the addon's sources. */
  readonly sources: string;
}

/** Compiles the addon beside the libraries it needs. */
export async function compileBinding(job: BuildJob, { compiler, sources }: BindingTools): Promise<void> {
  job.onProgress(`3/${job.steps} compiling the binding with ${compiler.version}`);
  const nodeHeaders = packageFolder('node-api-headers');
  invariant(nodeHeaders !== undefined, 'node-api-headers is a dependency of this package');
  const args = [
    ...compiler.args,
    ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8'],
    ...[join(nodeHeaders, 'include'), join(job.work, 'headers'), sources].map((folder) => `-I${folder}`),
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(sources, 'binding', name)),
    join(NATIVE_FOLDER, 'log_level.cc'),
    ...['-o', job.build.entry, 'tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'],
    // An old-style rpath comes before LD_LIBRARY_PATH, so that another TensorFlow there is not taken, and serves what
    // the libraries open later (CUDA). For initfirst see native/log_level.cc.
    '-Wl,--disable-new-dtags,-rpath,$ORIGIN,-z,initfirst',
  ];
  await runStep(job, 'compiling the binding', compiler.program, args, {
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
  job.onProgress(`4/${job.steps} loading it once`);
  const end = await tryBinding(join(librariesOf(job), job.build.entry), job.signal);
  if (end.how !== 'done') throw explainFailure('loading the binding', end, job.work, LOAD_DEADLINE_MS);
}
