/**
 * Engines that a test can run on here. The native one is installed by `npm test`; where it cannot be, tests say
 * that they go without.
 */
import { findEngine } from '@lockstep/engine';

const native = await findEngine('tensorflow', { device: { kind: 'cpu' } }).catch((error: unknown) => String(error));
const NATIVE_MISSING = typeof native === 'string' ? native : undefined;
if (NATIVE_MISSING !== undefined) {
  process.stderr.write(`skipped: tests on the tensorflow engine; ${NATIVE_MISSING}; run npx lockstep engine install\n`);
}

export const ENGINES = ['wasm', 'tensorflow'] as const;

/** True where tests on this engine have to be skipped. */
export function isMissing(engine: (typeof ENGINES)[number]): boolean {
  return engine === 'tensorflow' && NATIVE_MISSING !== undefined;
}
