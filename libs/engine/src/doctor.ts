/**
 * Probes of what an engine needs, in the order a reader mends them. Each says what is there, whether that will do,
 * and if not, what to do.
 */

import { toLockstepError } from '@lockstep/config';
import type { LockstepError } from '@lockstep/config';

import { checkEngine } from './check.js';
import { tensorflowBuild } from './builds.js';
import { runChild } from './child.js';
import type { DeviceRequest, EngineChoice, EngineFound } from './engine.js';
import { findEngine } from './find.js';
import { hostFacts } from './host.js';
import type { HostFacts } from './host.js';
import { MEMORY_MIB_ADVISED, PROBE_DEADLINE_MS } from './limits.js';
import { loadEngine } from './load.js';
import { bestBuild } from './platform.js';
import { findProvenEngine } from './prove.js';
import { findCompiler, findOpenMp, findPython } from './tools.js';
import type { Tool } from './tools.js';
import { verifyEngine } from './verify.js';

export interface Probe {
  readonly name: string;
  readonly value: string;
  readonly ok: 'ok' | 'warn' | 'fail';
  /** What to do; empty when all is well. */
  readonly advice: string;
}

export interface DoctorNeeds {
  readonly choice: EngineChoice;
  readonly device: DeviceRequest;
  readonly cache?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs every probe of this library. It loads the engine in this process and computes with it, so the variables of
 * `engineEnvironment` must be set before, and the process must not load an engine again.
 */
export async function engineProbes(needs: DoctorNeeds): Promise<Probe[]> {
  const host = await hostFacts();
  const probes = [
    nodeProbe(process.version),
    await npmProbe(needs.signal),
    coresProbe(host),
    memoryProbe(host),
    gpuProbe(host, needs.device),
  ];
  let found: EngineFound;
  try {
    found = await findWorking(needs, probes);
  } catch (thrown) {
    return [...probes, failed('engine', thrown), ...(await toolProbes(needs))];
  }
  probes.push(engineProbe(found));
  if (found.name === 'wasm' && needs.choice !== 'wasm') probes.push(...(await toolProbes(needs)));
  if (found.source === 'cache') probes.push(await filesProbe(found));
  probes.push(await computeProbe(found, needs.device));
  return probes;
}

/** On a GPU what computes there; on a CPU what a run would take, with a probe for each engine that it would not. */
async function findWorking(needs: DoctorNeeds, probes: Probe[]): Promise<EngineFound> {
  if (needs.device.kind === 'gpu') return findEngine(needs.choice, needs);
  const { found, broken } = await findProvenEngine(needs.choice, needs);
  probes.push(
    ...broken.map(({ reason, advice }) => ({ name: 'engine passed over', value: reason, ok: 'warn', advice }) as const),
  );
  return found;
}

/** The versions that package.json names under `engines`. */
export function nodeProbe(version: string): Probe {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  const advice = supported ? '' : 'use Node 20.19 or later of 20, 22.12 or later of 22, or 24 and newer';
  return { name: 'node', value: version, ok: supported ? 'ok' : 'fail', advice };
}

async function npmProbe(signal: AbortSignal | undefined): Promise<Probe> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const end = await runChild(npm, ['--version'], { deadlineMs: PROBE_DEADLINE_MS, signal });
  if (end.how === 'done') return { name: 'npm', value: end.tail.at(-1) ?? 'unknown', ok: 'ok', advice: '' };
  return { name: 'npm', value: 'not found', ok: 'warn', advice: 'needed to install lockstep only; it comes with Node' };
}

function coresProbe({ cores }: HostFacts): Probe {
  return { name: 'cores', value: `${cores}`, ok: 'ok', advice: '' };
}

function memoryProbe({ memory }: HostFacts): Probe {
  const enough = memory.availableMiB >= MEMORY_MIB_ADVISED;
  return {
    name: 'memory',
    value: `${memory.availableMiB} MiB free of ${memory.totalMiB}`,
    ok: enough ? 'ok' : 'warn',
    advice: enough ? '' : `a worker wants about ${MEMORY_MIB_ADVISED} MiB; run fewer here, or a smaller model`,
  };
}

function gpuProbe({ gpus }: HostFacts, device: DeviceRequest): Probe {
  const value = gpus.map(({ index, name, memoryMiB }) => `${index}: ${name}, ${memoryMiB} MiB`).join('; ');
  const wanted = device.kind === 'gpu' ? device.index : undefined;
  const ok = wanted === undefined || gpus.some(({ index }) => index === wanted);
  return {
    name: 'gpus',
    value: value === '' ? 'none' : value,
    ok: ok ? 'ok' : 'fail',
    advice: ok ? '' : `nvidia-smi shows no GPU ${wanted}; check the driver, or choose device cpu`,
  };
}

function engineProbe(found: EngineFound): Probe {
  const value = `${found.name} ${found.version} (${found.source}, ${found.folder})`;
  const passedOver = found.name === 'wasm' ? found.passedOver : undefined;
  if (passedOver === undefined) return { name: 'engine', value, ok: 'ok', advice: '' };
  return { name: 'engine', value: `${value}; ${passedOver.reason}`, ok: 'warn', advice: passedOver.advice };
}

async function filesProbe(found: EngineFound): Promise<Probe> {
  const problem = await verifyEngine(found);
  if (problem === undefined) return { name: 'engine files', value: 'every SHA-256 matches', ok: 'ok', advice: '' };
  return { name: 'engine files', value: problem.reason, ok: 'fail', advice: problem.advice };
}

async function computeProbe(found: EngineFound, device: DeviceRequest): Promise<Probe> {
  try {
    const engine = await loadEngine(found, { device });
    checkEngine(engine);
    const value = `${engine.label} computes on ${engine.device.name}, threads: ${engine.threads}`;
    return { name: 'engine check', value, ok: 'ok', advice: '' };
  } catch (thrown) {
    return failed('engine check', thrown);
  }
}

/** Asked only where the native engine is missing: nothing else needs Python or a compiler. */
async function toolProbes({ choice, device, signal }: DoctorNeeds): Promise<Probe[]> {
  const best = bestBuild(device.kind === 'gpu');
  const build = choice === 'tensorflow' ? tensorflowBuild(device.kind === 'gpu') : best;
  const probe = async (name: string, find: (signal?: AbortSignal) => Promise<Tool>): Promise<Probe> => {
    try {
      return { name, value: (await find(signal)).version, ok: 'ok', advice: '' };
    } catch (thrown) {
      return { ...failed(name, thrown), ok: 'warn' };
    }
  };
  const python = await probe('python and pip', (signal) => findPython(build, signal));
  if (build.engine === 'onednn') return [python, await probe('OpenMP', findOpenMp)];
  return [python, await probe('C++ compiler', findCompiler)];
}

function failed(name: string, thrown: unknown): Probe {
  const error: LockstepError = toLockstepError(thrown);
  return { name, value: error.message, ok: 'fail', advice: error.hint };
}
