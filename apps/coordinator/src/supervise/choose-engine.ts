/**
 * Which engine and device a run computes on, said before anything starts: what was asked for is met or refused,
 * what was left open is chosen aloud.
 */
import { setOrDefault, toLockstepError } from '@lockstep/config';
import type { MachineFacts, OptionValues, TrainOptions } from '@lockstep/config';
import { bestBuild, findEngine, findProvenEngine, hostFacts, installEngine } from '@lockstep/engine';
import type { EngineChoice, EngineFound } from '@lockstep/engine';
import type { RunEvent } from '../train/events.js';

export interface ChosenEngine {
  readonly facts: MachineFacts;
  /** What computes: `onednn 3.2.0 (AVX-512), fused lbr_gru`. */
  readonly label: string;
  readonly device: 'cpu' | 'gpu';
  /** GPUs that local workers share; 0 on a CPU. */
  readonly gpus: number;
}

type Show = (event: RunEvent) => void;

export async function chooseEngine(values: OptionValues<TrainOptions>, show: Show): Promise<ChosenEngine> {
  const { cores, gpus } = await hostFacts();
  const choice = setOrDefault(values, 'engine');
  const asked = setOrDefault(values, 'device');
  if (values.workers === 0 && (choice !== 'auto' || asked === 'gpu')) return chooseForOthers(choice, asked, cores);
  const mayUseGpu = choice === 'auto' || choice === 'tensorflow';
  // With workers on other machines this machine's cards say nothing about theirs.
  const gpuWanted = asked === 'gpu' || (asked === 'auto' && gpus.length > 0 && mayUseGpu && values.workers !== 0);
  const wantsInstall = setOrDefault(values, 'installEngine') && choice !== 'wasm';
  const problem = wantsInstall ? await installMissing(choice, gpuWanted, show) : undefined;
  const onGpu = gpuWanted ? await findForGpu(values, show) : undefined;
  if (onGpu?.name === 'tensorflow' && onGpu.gpu) {
    const label = `tensorflow ${onGpu.version}, GRU of tfjs operations`;
    const facts = { engine: onGpu.name, device: 'gpu', cores, gpus: gpus.length } as const;
    return { facts, label, device: 'gpu', gpus: gpus.length };
  }
  const { found, label, broken } = await findProvenEngine(choice, {});
  for (const { reason, advice } of broken) show({ event: 'warning', text: `passed over: ${reason}; ${advice}` });
  if (problem !== undefined && found.name !== 'wasm') {
    show({ event: 'notice', text: `computing on ${found.name}, not the fastest engine: ${problem}` });
  }
  if (found.name === 'wasm' && found.passedOver !== undefined) {
    const why = problem ?? `${found.passedOver.reason}; ${found.passedOver.advice}`;
    show({ event: 'notice', text: `computing on the embedded engine, several times slower than a native one: ${why}` });
  }
  return { facts: { engine: found.name, device: 'cpu', cores, gpus: gpus.length }, label, device: 'cpu', gpus: 0 };
}

/** Nothing computes here: what was asked for is what the workers must have, and they say so if they do not. */
function chooseForOthers(choice: EngineChoice, asked: string, cores: number): ChosenEngine {
  const engine = choice === 'auto' ? 'tensorflow' : choice;
  const device = asked === 'gpu' ? 'gpu' : 'cpu';
  return { facts: { engine, device, cores, gpus: 0 }, label: `${engine} on the workers`, device, gpus: 0 };
}

/** A GPU that was only noticed may be passed over, aloud; one that was asked for may not. */
async function findForGpu(values: OptionValues<TrainOptions>, show: Show): Promise<EngineFound | undefined> {
  const choice = setOrDefault(values, 'engine');
  try {
    return await findEngine(choice, { device: { kind: 'gpu', index: 0 } });
  } catch (thrown) {
    if (setOrDefault(values, 'device') === 'gpu') throw thrown;
    show({ event: 'warning', text: `this machine's GPU is not used: ${toLockstepError(thrown).line}` });
    return undefined;
  }
}

/**
 * Installs the native engine unless it is there: the one that was asked for, or the fastest for the device.
 * @returns why it cannot be had, in one line; undefined when it can
 */
async function installMissing(choice: EngineChoice, gpu: boolean, show: Show): Promise<string | undefined> {
  const device = gpu ? ({ kind: 'gpu', index: 0 } as const) : ({ kind: 'cpu' } as const);
  const insist = choice !== 'auto';
  const engine = choice === 'onednn' || choice === 'tensorflow' ? choice : bestBuild(gpu).engine;
  try {
    await findEngine(engine, { device });
    return undefined;
  } catch {
    show({ event: 'notice', text: `installing the ${engine} engine, once for this machine` });
  }
  try {
    await installEngine({ engine, gpu, onProgress: (line) => show({ event: 'notice', text: `  ${line}` }) });
    return undefined;
  } catch (thrown) {
    if (insist) throw thrown;
    return toLockstepError(thrown).line;
  }
}
