/**
 * `lockstep engine install`: everything that can be missing is asked for first, the build arises in a folder beside
 * its place and gets its name by one rename when it is complete. So an interrupted install leaves nothing that is
 * ever taken, and two at once both work: the one that ends second finds a good build in place and drops its own.
 */

import { mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { LockstepError, invariant } from '@lockstep/config';

import { compileBinding, proveBinding, tryBinding } from './binding.js';
import type { BindingTools } from './binding.js';
import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { Build } from './builds.js';
import type { DeviceRequest, EngineFound, OneDnnFound } from './engine.js';
import { findEngine } from './find.js';
import { INSTALL_BYTES_NEEDED } from './limits.js';
import { verifyBuild, writeManifest } from './manifest.js';
import { buildFolder, cacheFolder } from './paths.js';
import { TFJS_VERSION, wheelSet } from './pins.js';
import { makeWorkFolder, putInPlace, removeStale } from './place.js';
import { bestBuild, platformProblem } from './platform.js';
import { proveEngine } from './prove.js';
import { tfjsNodePackages } from './stock.js';
import { findCompiler, findOpenMp, findPython } from './tools.js';
import { builtFiles, downloadWheels, librariesOf, unpackWheels } from './wheels.js';
import type { BuildJob } from './wheels.js';

export interface InstallNeeds {
  /** By default the fastest for the device that runs on this platform. */
  readonly engine?: Build['engine'];
  /** TensorFlow's CUDA build (Linux x64 only) instead of one for the CPU. */
  readonly gpu: boolean;
  /** Gets one line a time for the user to see. */
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The cache folder, by default the machine's. */
  readonly cache?: string;
}

/**
 * Installs a native engine; one that is there is returned when its every byte is right and it loads.
 * @throws LockstepError `usage` for a GPU and an engine that has none; `unavailable`: the platform, Python, pip, a
 * compiler, the network, room on the disk; with what to do
 */
export async function installEngine(needs: InstallNeeds): Promise<EngineFound> {
  const { gpu, onProgress, signal } = needs;
  if (gpu && needs.engine === 'onednn') {
    const hint = 'leave one of the two out: for NVIDIA cards TensorFlow is installed';
    throw new LockstepError('usage', 'the onednn engine has no GPU', hint);
  }
  const build = needs.engine === undefined ? bestBuild(gpu) : chosenBuild(needs.engine, gpu);
  const cache = needs.cache ?? cacheFolder();
  const target = buildFolder(cache, build);
  const device: DeviceRequest = gpu ? { kind: 'gpu', index: 0 } : { kind: 'cpu' };
  const problem = platformProblem(build);
  if (problem !== undefined) throw new LockstepError('unavailable', problem.reason, problem.advice);
  const wheels = wheelSet(build);
  invariant(wheels !== undefined, 'a supported platform has wheels');
  if (await isWhole(target, build, signal)) {
    onProgress(`already installed and unharmed: ${target}`);
    return findEngine(build.engine, { device, cache });
  }
  const python = await findPython(build, signal);
  const tools = build.engine === 'tensorflow' ? await bindingTools(signal) : undefined;
  if (build.engine === 'onednn') await findOpenMp(signal);
  const place = dirname(target);
  await writable(place, () => mkdir(place, { recursive: true }));
  await demandRoom(place, build);
  await removeStale(place, Date.now());
  const work = await writable(place, () => makeWorkFolder(target));
  try {
    const steps = tools === undefined ? 3 : 4;
    const job: BuildJob = { build, wheelSet: wheels, python, work, steps, onProgress, signal };
    await make(job, tools);
    await writeManifest(librariesOf(job), build, await builtFiles(job), {
      ...(tools === undefined ? {} : { compiler: tools.compiler.version }),
      wheels: Object.fromEntries(wheels.wheels.map(({ requirement, sha256 }) => [requirement, sha256])),
    });
    await putInPlace(librariesOf(job), target, (folder) => isWhole(folder, build, signal));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  onProgress(`installed in ${target}`);
  return findEngine(build.engine, { device, cache });
}

function chosenBuild(engine: Build['engine'], gpu: boolean): Build {
  return engine === 'onednn' ? ONEDNN_BUILD : tensorflowBuild(gpu);
}

async function bindingTools(signal: AbortSignal | undefined): Promise<BindingTools> {
  const sources = (await tfjsNodePackages(true))[0] ?? (await tfjsNodePackages(false))[0];
  if (sources === undefined) {
    throw new LockstepError(
      'unavailable',
      `the tensorflow engine needs the npm package @tensorflow/tfjs-node-gpu ${TFJS_VERSION}`,
      'run npm install without --omit=optional',
    );
  }
  return { sources: sources.folder, compiler: await findCompiler(signal) };
}

/** Everything but the name: libraries that have been seen at work. */
async function make(job: BuildJob, tools: BindingTools | undefined): Promise<void> {
  await downloadWheels(job);
  await unpackWheels(job);
  if (tools !== undefined) {
    await compileBinding(job, tools);
    await proveBinding(job);
    return;
  }
  job.onProgress(`3/${job.steps} computing with it once`);
  const problem = await oneDnnProblem(librariesOf(job), job.signal);
  if (problem !== undefined) throw problem;
}

/** All bytes are right, and the library works on this system. */
async function isWhole(folder: string, build: Build, signal: AbortSignal | undefined): Promise<boolean> {
  if ((await verifyBuild(folder, build)) !== undefined) return false;
  if (build.engine === 'onednn') return (await oneDnnProblem(folder, signal)) === undefined;
  return (await tryBinding(join(folder, build.entry), signal)).how === 'done';
}

async function oneDnnProblem(folder: string, signal: AbortSignal | undefined): Promise<LockstepError | undefined> {
  const { version, entry } = ONEDNN_BUILD;
  const library = join(folder, entry);
  const found: OneDnnFound = { name: 'onednn', source: 'cache', version, gpu: false, folder, library };
  const proof = await proveEngine(found, { kind: 'cpu' }, signal);
  return 'label' in proof ? undefined : new LockstepError('unavailable', proof.reason, proof.advice);
}

async function writable<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const hint = 'set LOCKSTEP_CACHE to a folder that can be written';
    throw new LockstepError('unavailable', `the cache folder ${place} cannot be written: ${message}`, hint, { cause });
  }
}

async function demandRoom(place: string, { engine, gpu }: Build): Promise<void> {
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const needed = INSTALL_BYTES_NEEDED[engine][gpu ? 'gpu' : 'cpu'];
  if (free >= needed) return;
  const figures = `${(needed / 1e9).toFixed(1)} GB are needed and ${(free / 1e9).toFixed(1)} GB are free`;
  throw new LockstepError(
    'unavailable',
    `the disk of ${place} is too full: ${figures}`,
    'free some space, or set LOCKSTEP_CACHE to a folder with room',
  );
}
