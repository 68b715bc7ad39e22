/**
 * Finding an engine without loading it: our own builds in the cache first, then a stock install of tfjs-node, then
 * wasm. What cannot be had is explained in one line with the way out, and a GPU is never replaced by the CPU.
 */

import { join } from 'node:path';

import { ENGINE_NAMES, LockstepError } from '@lockstep/config';
import type { EngineName } from '@lockstep/config';

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { Build } from './builds.js';
import type {
  DeviceRequest,
  EngineChoice,
  EngineFound,
  EngineProblem,
  OneDnnFound,
  TensorflowFound,
  WasmFound,
} from './engine.js';
import { checkBuild } from './manifest.js';
import { buildFolder, cacheFolder } from './paths.js';
import { TFJS_VERSION } from './pins.js';
import { bestBuild, platformProblem } from './platform.js';
import { packageFolder, packageVersion, stockInstall, tfjsNodePackages } from './stock.js';

const WASM_PACKAGE = '@tensorflow/tfjs-backend-wasm';

/** What `findEngine` is told apart from the choice; `cache` is the cache folder, by default the machine's. */
export interface FindNeeds {
  readonly device: DeviceRequest;
  readonly cache?: string;
}

/**
 * Finds the engine to load.
 * @throws LockstepError `unavailable` when the chosen engine, or a GPU build for a GPU device, is not on this machine
 */
export async function findEngine(choice: EngineChoice, needs: FindNeeds): Promise<EngineFound> {
  const passedOver = new Map<EngineName, EngineProblem>();
  for (const name of candidates(choice, needs.device)) {
    const found = await findNamed(name, needs);
    if (!('reason' in found)) return found.name === 'wasm' ? withAdvice(found, passedOver) : found;
    if (name === choice || passedOver.size + 1 === candidates(choice, needs.device).length) throw unavailable(found);
    passedOver.set(name, found);
  }
  throw unavailable({ reason: 'there is no engine', advice: 'run npm install' });
}

/** The engines that a choice leaves, the fastest first; on a GPU only one of them computes. */
export function candidates(choice: EngineChoice, device: DeviceRequest): readonly EngineName[] {
  if (choice !== 'auto') return [choice];
  return device.kind === 'gpu' ? ['tensorflow'] : ENGINE_NAMES;
}

/** One engine, or why it cannot be had. */
export async function findNamed(name: EngineName, needs: FindNeeds): Promise<EngineFound | EngineProblem> {
  const wantsGpu = needs.device.kind === 'gpu';
  const cache = needs.cache ?? cacheFolder();
  if (name === 'tensorflow') return findTensorflow(wantsGpu, cache);
  if (wantsGpu) return { reason: `the ${name} engine has no GPU`, advice: 'choose engine tensorflow or device cpu' };
  return name === 'onednn' ? findOneDnn(cache) : findWasm();
}

/** wasm that stands in for another engine says so, with the way to the best one for this machine. */
function withAdvice(wasm: WasmFound, passedOver: ReadonlyMap<EngineName, EngineProblem>): WasmFound {
  const problem = passedOver.get(bestBuild(false).engine);
  return problem === undefined ? wasm : { ...wasm, passedOver: problem };
}

async function findOneDnn(cache: string): Promise<OneDnnFound | EngineProblem> {
  const folder = buildFolder(cache, ONEDNN_BUILD);
  const problem = platformProblem(ONEDNN_BUILD) ?? (await buildProblem(folder, ONEDNN_BUILD));
  if (problem !== undefined) return problem;
  const { version, entry } = ONEDNN_BUILD;
  return { name: 'onednn', source: 'cache', version, gpu: false, folder, library: join(folder, entry) };
}

async function findTensorflow(gpu: boolean, cache: string): Promise<TensorflowFound | EngineProblem> {
  const packages = await tfjsNodePackages(gpu);
  // The kernels of both packages are the same files.
  const kernels = packages[0] ?? (await tfjsNodePackages(true))[0];
  if (kernels === undefined) {
    return {
      reason: `the tensorflow engine needs the npm package @tensorflow/tfjs-node-gpu ${TFJS_VERSION}`,
      advice: 'run npm install without --omit=optional',
    };
  }
  const problems: EngineProblem[] = [];
  // A CUDA build computes on the CPU too, but is not what most CPU workers run: the CPU build comes first.
  for (const build of (gpu ? [true] : [false, true]).map(tensorflowBuild)) {
    const folder = buildFolder(cache, build);
    const problem = await buildProblem(folder, build);
    if (problem !== undefined) {
      problems.push(problem);
      continue;
    }
    const binding = join(folder, build.entry);
    const { version } = build;
    return { name: 'tensorflow', source: 'cache', version, gpu: build.gpu, folder, binding, kernels: kernels.folder };
  }
  for (const tfjsNode of packages) {
    const stock = await stockInstall(tfjsNode);
    if (stock === undefined) continue;
    return { name: 'tensorflow', source: 'stock', ...stock, folder: tfjsNode.folder, kernels: tfjsNode.folder };
  }
  return platformProblem(tensorflowBuild(gpu)) ?? problems[0] ?? { reason: 'no build', advice: '' };
}

async function buildProblem(folder: string, build: Build): Promise<EngineProblem | undefined> {
  const checked = await checkBuild(folder, build);
  if (!('problem' in checked)) return undefined;
  return {
    reason: `the ${build.engine} engine is not installed in ${folder}: ${checked.problem}`,
    advice: `run \`${build.command}\``,
  };
}

async function findWasm(): Promise<WasmFound | EngineProblem> {
  const folder = packageFolder(WASM_PACKAGE);
  if (folder === undefined) {
    return { reason: `the npm package ${WASM_PACKAGE} is not installed`, advice: 'run npm install' };
  }
  return { name: 'wasm', source: 'npm', version: await packageVersion(folder), gpu: false, folder };
}

function unavailable(problem: EngineProblem): LockstepError {
  return new LockstepError('unavailable', problem.reason, problem.advice);
}
