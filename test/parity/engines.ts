/**
 * The engines this machine has, one a process: TensorFlow can be loaded by one thread once, and tfjs has one current
 * backend.
 */
import { LockstepError } from '@lockstep/config';
import type { EngineName } from '@lockstep/config';
import { findEngine } from '@lockstep/engine';
import type { EngineFound } from '@lockstep/engine';

/** The engine, or the line that says why this machine has none and how to get it. */
export async function findOrExplain(name: EngineName): Promise<EngineFound | string> {
  try {
    return await findEngine(name, { device: { kind: 'cpu' } });
  } catch (error) {
    if (error instanceof LockstepError && error.kind === 'unavailable') return error.line;
    throw error;
  }
}
