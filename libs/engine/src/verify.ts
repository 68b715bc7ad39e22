/** The slow, full check of a found engine, for doctor: are the bytes on the disk the ones that were installed? */

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import type { EngineFound, EngineProblem } from './engine.js';
import { verifyBuild } from './manifest.js';

/**
 * Hashes every file of our own build (a second or more). Engines that npm installed are npm's to vouch for and pass.
 * @returns the problem, or undefined when all is well
 */
export async function verifyEngine(found: EngineFound): Promise<EngineProblem | undefined> {
  if (found.source !== 'cache') return undefined;
  const build = found.name === 'onednn' ? ONEDNN_BUILD : tensorflowBuild(found.gpu);
  const problem = await verifyBuild(found.folder, build);
  if (problem === undefined) return undefined;
  return { reason: `the ${found.name} engine in ${found.folder} is harmed: ${problem}`, advice: `run \`${build.command}\`` };
}
