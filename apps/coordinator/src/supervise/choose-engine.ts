/**
 * Which engine and device a run computes on, said before anything starts: what was asked for is met or refused,
 * what was left open is chosen aloud.
 */
import { setOrDefault, toLockstepError } from '@lockstep/config';
import type { MachineFacts, OptionValues, TrainOptions } from '@lockstep/config';
import { findEngine, hostFacts, installEngine } from '@lockstep/engine';
import type { EngineFound } from '@lockstep/engine';
import type { RunEvent } from '../train/events.js';

export interface ChosenEngine {
  readonly facts: MachineFacts;
  /** For example `tensorflow 2.21.0`. */
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
  // With workers on other machines this machine's cards say nothing about theirs.
  const gpuWanted =
    asked === 'gpu' || (asked === 'auto' && gpus.length > 0 && choice !== 'wasm' && values.workers !== 0);
  const wantsInstall = setOrDefault(values, 'installEngine') && choice !== 'wasm';
  const problem = wantsInstall ? await installMissing(gpuWanted, choice === 'tensorflow', show) : undefined;
  const found = gpuWanted ? await findForGpu(values, show) : await findEngine(choice, { device: { kind: 'cpu' } });
  const device = gpuWanted && found.name === 'tensorflow' && found.gpu ? 'gpu' : 'cpu';
  if (found.name === 'wasm' && found.passedOver !== undefined) {
    const why = problem ?? `${found.passedOver.reason}; ${found.passedOver.advice}`;
    show({ event: 'notice', text: `computing on the embedded engine, several times slower than TensorFlow: ${why}` });
  }
  return {
    facts: { engine: found.name, device, cores, gpus: gpus.length },
    label: `${found.name} ${found.version}`,
    device,
    gpus: device === 'gpu' ? gpus.length : 0,
  };
}

/** Nothing computes here: what was asked for is what the workers must have, and they say so if they do not. */
function chooseForOthers(choice: string, asked: string, cores: number): ChosenEngine {
  const engine = choice === 'wasm' ? 'wasm' : 'tensorflow';
  const device = asked === 'gpu' ? 'gpu' : 'cpu';
  return { facts: { engine, device, cores, gpus: 0 }, label: `${engine} on the workers`, device, gpus: 0 };
}

/** A GPU that was only noticed may be passed over, aloud; one that was asked for may not. */
async function findForGpu(values: OptionValues<TrainOptions>, show: Show): Promise<EngineFound> {
  const choice = setOrDefault(values, 'engine');
  try {
    return await findEngine(choice, { device: { kind: 'gpu', index: 0 } });
  } catch (thrown) {
    if (setOrDefault(values, 'device') === 'gpu') throw thrown;
    show({ event: 'warning', text: `this machine's GPU is not used: ${toLockstepError(thrown).line}` });
    return findEngine(choice, { device: { kind: 'cpu' } });
  }
}

/**
 * Installs the native engine unless it is there.
 * @returns why it cannot be had, in one line; undefined when it can
 */
async function installMissing(gpu: boolean, insist: boolean, show: Show): Promise<string | undefined> {
  const device = gpu ? ({ kind: 'gpu', index: 0 } as const) : ({ kind: 'cpu' } as const);
  try {
    await findEngine('tensorflow', { device });
    return undefined;
  } catch {
    show({ event: 'notice', text: 'installing the TensorFlow engine, once for this machine' });
  }
  try {
    await installEngine({ gpu, onProgress: (line) => show({ event: 'notice', text: `  ${line}` }) });
    return undefined;
  } catch (thrown) {
    if (insist) throw thrown;
    return toLockstepError(thrown).line;
  }
}
