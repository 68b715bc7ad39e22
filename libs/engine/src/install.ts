/**
 * `lockstep engine install`: everything that can be missing is asked for first, the build arises in a folder beside
 * its place and gets its name by one rename when it is complete. So an interrupted install leaves nothing that is
 * ever taken, and two at once both work: the one that ends second finds a good build in place and drops its own.
 */

import { mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { LockstepError, invariant } from '@lockstep/config';

import {
  builtFiles,
  compileBinding,
  downloadWheels,
  librariesOf,
  proveBinding,
  tryBinding,
  unpackWheels,
} from './build.js';
import type { BuildJob } from './build.js';
import type { DeviceRequest, EngineFound } from './engine.js';
import { findEngine } from './find.js';
import { INSTALL_BYTES_NEEDED } from './limits.js';
import { BINDING_NAME, verifyBuild, writeManifest } from './manifest.js';
import { buildFolder, cacheFolder } from './paths.js';
import { TFJS_VERSION, wheelSet } from './pins.js';
import { makeWorkFolder, putInPlace, removeStale } from './place.js';
import { platformProblem } from './platform.js';
import { tfjsNodePackages } from './stock.js';
import { findCompiler, findPython } from './tools.js';

export interface InstallNeeds {
  /** The CUDA build (Linux x64 only) instead of the CPU build. */
  readonly gpu: boolean;
  /** Gets one line a time for the user to see. */
  readonly onProgress: (line: string) => void;
  readonly signal?: AbortSignal;
  /** The cache folder, by default the machine's. */
  readonly cache?: string;
}

/**
 * Installs the tensorflow engine; one that is there is returned when its every byte is right and it loads.
 * @throws LockstepError `unavailable`: the platform, Python, pip, a compiler, the network, room on the disk; with
 * what to do
 */
export async function installEngine(needs: InstallNeeds): Promise<EngineFound> {
  const { gpu, onProgress, signal } = needs;
  const cache = needs.cache ?? cacheFolder();
  const target = buildFolder(cache, gpu);
  const device: DeviceRequest = gpu ? { kind: 'gpu', index: 0 } : { kind: 'cpu' };
  const problem = platformProblem(gpu);
  if (problem !== undefined) throw new LockstepError('unavailable', problem.reason, problem.advice);
  const wheels = wheelSet(process.platform, process.arch, gpu);
  invariant(wheels !== undefined, 'a supported platform has wheels');
  if (await isWhole(target, signal)) {
    onProgress(`already installed and unharmed: ${target}`);
    return findEngine('tensorflow', { device, cache });
  }
  const sources = (await tfjsNodePackages(true))[0] ?? (await tfjsNodePackages(false))[0];
  if (sources === undefined) {
    throw new LockstepError(
      'unavailable',
      `the tensorflow engine needs the npm package @tensorflow/tfjs-node-gpu ${TFJS_VERSION}`,
      'run npm install without --omit=optional',
    );
  }
  const python = await findPython(signal);
  const compiler = await findCompiler(signal);
  const place = dirname(target);
  await writable(place, () => mkdir(place, { recursive: true }));
  await demandRoom(place, gpu);
  await removeStale(place, Date.now());
  const work = await writable(place, () => makeWorkFolder(target));
  try {
    const tools = { python, compiler, sources: sources.folder };
    const job: BuildJob = { gpu, wheelSet: wheels, ...tools, work, onProgress, signal };
    await downloadWheels(job);
    await unpackWheels(job);
    await compileBinding(job);
    await proveBinding(job);
    await writeManifest(librariesOf(job), await builtFiles(job), {
      gpu,
      compiler: compiler.version,
      wheels: Object.fromEntries(wheels.wheels.map(({ requirement, sha256 }) => [requirement, sha256])),
    });
    await putInPlace(librariesOf(job), target, (build) => isWhole(build, signal));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  onProgress(`installed in ${target}`);
  return findEngine('tensorflow', { device, cache });
}

/** All bytes are right, and the library loads on this system. */
async function isWhole(build: string, signal: AbortSignal | undefined): Promise<boolean> {
  if ((await verifyBuild(build)) !== undefined) return false;
  return (await tryBinding(join(build, BINDING_NAME), signal)).how === 'done';
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

async function demandRoom(place: string, gpu: boolean): Promise<void> {
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const needed = INSTALL_BYTES_NEEDED[gpu ? 'gpu' : 'cpu'];
  if (free >= needed) return;
  const figures = `${(needed / 1e9).toFixed(1)} GB are needed and ${(free / 1e9).toFixed(1)} GB are free`;
  throw new LockstepError(
    'unavailable',
    `the disk of ${place} is too full: ${figures}`,
    'free some space, or set LOCKSTEP_CACHE to a folder with room',
  );
}
