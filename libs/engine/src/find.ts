/**
 * Finding an engine without loading it: our own build in the cache first, then a stock install of tfjs-node, then
 * wasm. What cannot be had is explained in one line with the way out, and a GPU is never replaced by the CPU.
 */

import { join } from 'node:path';

import { LockstepError } from '@lockstep/config';

import type { DeviceRequest, EngineChoice, EngineFound, EngineProblem, TensorflowFound, WasmFound } from './engine.js';
import { BINDING_NAME, checkBuild } from './manifest.js';
import { buildFolder, cacheFolder } from './paths.js';
import { TFJS_VERSION } from './pins.js';
import { platformProblem } from './platform.js';
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
  const wantsGpu = needs.device.kind === 'gpu';
  if (choice === 'wasm') {
    if (wantsGpu) {
      throw unavailable({ reason: 'the wasm engine has no GPU', advice: 'choose engine tensorflow or device cpu' });
    }
    return findWasm();
  }
  const tensorflow = await findTensorflow(wantsGpu, needs.cache ?? cacheFolder());
  if (!('reason' in tensorflow)) return tensorflow;
  if (choice === 'tensorflow' || wantsGpu) throw unavailable(tensorflow);
  return { ...(await findWasm()), passedOver: tensorflow };
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
  const problems: string[] = [];
  // A CUDA build computes on the CPU too, but is not what most CPU workers run: the CPU build comes first.
  for (const buildGpu of gpu ? [true] : [false, true]) {
    const built = await findBuild(buildFolder(cache, buildGpu), kernels.folder);
    if (typeof built === 'object') return built;
    problems.push(built);
  }
  for (const tfjsNode of packages) {
    const stock = await stockInstall(tfjsNode);
    if (stock === undefined) continue;
    return { name: 'tensorflow', source: 'stock', ...stock, folder: tfjsNode.folder, kernels: tfjsNode.folder };
  }
  const install = gpu ? 'lockstep engine install --gpu' : 'lockstep engine install';
  return platformProblem(gpu) ?? { reason: problems[0] ?? 'no build', advice: `run \`${install}\`` };
}

async function findBuild(folder: string, kernels: string): Promise<TensorflowFound | string> {
  const checked = await checkBuild(folder);
  if ('problem' in checked) return `the tensorflow engine is not installed in ${folder}: ${checked.problem}`;
  const { tensorflow: version, gpu } = checked.manifest;
  return { name: 'tensorflow', source: 'cache', version, gpu, folder, binding: join(folder, BINDING_NAME), kernels };
}

async function findWasm(): Promise<WasmFound> {
  const folder = packageFolder(WASM_PACKAGE);
  if (folder === undefined) {
    throw unavailable({ reason: `the npm package ${WASM_PACKAGE} is not installed`, advice: 'run npm install' });
  }
  return { name: 'wasm', source: 'npm', version: await packageVersion(folder), gpu: false, folder };
}

function unavailable(problem: EngineProblem): LockstepError {
  return new LockstepError('unavailable', problem.reason, problem.advice);
}
