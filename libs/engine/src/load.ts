/** One door to every engine. */

import { LockstepError } from '@lockstep/config';

import type { DeviceRequest, Engine, EngineFound } from './engine.js';
import { loadOneDnn } from './onednn/load.js';
import { loadTensorflow } from './tensorflow.js';
import { loadWasm } from './wasm.js';

/**
 * Loads what `findEngine` found and makes it tfjs's current backend, in this thread. The variables of
 * `engineEnvironment` must be in the process's environment already.
 * @throws LockstepError `unavailable` when it does not load, or the device is a GPU that the engine does not reach
 */
export async function loadEngine(found: EngineFound, needs: { readonly device: DeviceRequest }): Promise<Engine> {
  if (needs.device.kind === 'gpu' && !found.gpu) {
    throw new LockstepError(
      'unavailable',
      `the ${found.name} engine in ${found.folder} has no GPU support`,
      'run `lockstep engine install --gpu`, or choose device cpu',
    );
  }
  switch (found.name) {
    case 'onednn':
      return loadOneDnn(found);
    case 'tensorflow':
      return loadTensorflow(found, needs.device);
    case 'wasm':
      return loadWasm(found);
  }
}
