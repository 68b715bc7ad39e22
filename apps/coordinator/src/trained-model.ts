/** A checkpoint opened for use: the engine is loaded into this process, weights and vocabulary are at hand. */
import { readCheckpoint } from '@lockstep/checkpoint';
import type { Checkpoint } from '@lockstep/checkpoint';
import { parseRunConfig } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { vocabularyFromCharacters } from '@lockstep/data';
import type { Vocabulary } from '@lockstep/data';
import { engineEnvironment, findEngine, findProvenEngine, hostFacts, loadEngine } from '@lockstep/engine';
import type { Engine, EngineChoice } from '@lockstep/engine';
import { createModel } from '@lockstep/model';
import type { Model } from '@lockstep/model';
import { warnPassedOver } from './passed-over.js';

export interface TrainedModel {
  readonly checkpoint: Checkpoint;
  readonly config: RunConfig;
  readonly vocabulary: Vocabulary;
  readonly engine: Engine;
  readonly model: Model;
}

/** @throws LockstepError when the checkpoint is damaged or the engine cannot be had */
export async function openTrainedModel(path: string, choice: EngineChoice, kind: 'cpu' | 'gpu'): Promise<TrainedModel> {
  const checkpoint = await readCheckpoint(path, { onPassedOver: warnPassedOver });
  const config = parseRunConfig(checkpoint.config, checkpoint.path);
  const vocabulary = vocabularyFromCharacters(checkpoint.vocabulary);
  const device = kind === 'gpu' ? ({ kind, index: 0 } as const) : ({ kind } as const);
  const { cores } = await hostFacts();
  Object.assign(process.env, engineEnvironment({ threads: cores, device }));
  // What auto takes has passed its check elsewhere; what was asked for is taken as it is.
  const isOpen = choice === 'auto' && device.kind === 'cpu';
  const found = isOpen ? (await findProvenEngine(choice, {})).found : await findEngine(choice, { device });
  const engine = await loadEngine(found, { device });
  return { checkpoint, config, vocabulary, engine, model: createModel(engine, checkpoint.layout) };
}
