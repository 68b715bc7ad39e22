/**
 * Where builds are kept: outside the checkout, so that a fresh clone finds the build of the last one, and one folder
 * a build, named by everything that defines it, so that a new version never meets the files of an old one.
 */

import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

import type { Build } from './builds.js';

/**
 * The cache folder: `$LOCKSTEP_CACHE`, else `lockstep` in `$XDG_CACHE_HOME`, else in the platform's own place.
 * A relative `$XDG_CACHE_HOME` is ignored, as its specification asks.
 */
export function cacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: string = process.platform,
  home: string = homedir(),
): string {
  const own = environment['LOCKSTEP_CACHE'];
  if (own !== undefined && own !== '') return resolve(own);
  const shared = environment['XDG_CACHE_HOME'];
  if (shared !== undefined && isAbsolute(shared)) return join(shared, 'lockstep');
  return platform === 'darwin' ? join(home, 'Library', 'Caches', 'lockstep') : join(home, '.cache', 'lockstep');
}

/** Name of the folder of one build, for example `tensorflow-2.21.0-cpu-tfjs-4.22.0-linux-x64-r2`. */
export function buildName(
  { name: [before, after] }: Build,
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  return `${before}-${platform}-${arch}-${after}`;
}

/** Folder of one build inside the cache folder. */
export function buildFolder(cache: string, build: Build): string {
  return join(cache, 'engines', buildName(build));
}
