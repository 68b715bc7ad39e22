/**
 * Engines that a test can run on here. The native ones are installed by `npm test`; where one cannot be, tests say
 * that they go without.
 */
import { ENGINE_NAMES } from '@lockstep/config';
import type { EngineName } from '@lockstep/config';
import { findEngine } from '@lockstep/engine';

export const ENGINES = ENGINE_NAMES;

const missing = new Set<EngineName>();
for (const engine of ENGINES) {
  try {
    await findEngine(engine, { device: { kind: 'cpu' } });
  } catch (error) {
    missing.add(engine);
    const install = `run npx lockstep engine install ${engine}`;
    process.stderr.write(`skipped: tests on the ${engine} engine; ${String(error)}; ${install}\n`);
  }
}

/** True where tests on this engine have to be skipped. */
export function isMissing(engine: EngineName): boolean {
  return missing.has(engine);
}
