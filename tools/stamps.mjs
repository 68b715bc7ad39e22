/**
 * What is installed and built, told by stamps: a digest of what an install or a build was made from, written only
 * after it succeeded and removed before the next one begins, so that a half one is always redone.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What the tools remember between runs; ignored by git. */
export const cacheFolder = join(root, '.cache');

const installStamp = join(root, 'node_modules/.lockstep-install');
const buildStamp = join(cacheFolder, 'build');

/** @param {string} file relative to the repository */
const inRoot = (file) => join(root, file);

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Digest of the lockfile; an install is good for exactly one. */
function lockfileDigest() {
  return createHash('sha256').update(readFileSync(inRoot('package-lock.json'))).digest('hex');
}

/** Whether node_modules is a whole install of this lockfile, made by these tools or by npm itself. */
export function isInstalled() {
  const stamped = readIfThere(installStamp);
  if (stamped !== '') return stamped === lockfileDigest();
  if (!matchesLockfile()) return false;
  markInstalled();
  return true;
}

export function markInstalled() {
  writeFileSync(installStamp, lockfileDigest());
}

export function unmarkInstalled() {
  rmSync(installStamp, { force: true });
}

/** @typedef {{ integrity?: string, link?: boolean, optional?: boolean, devOptional?: boolean }} LockEntry */

/**
 * Compares what npm wrote down at the end of its last install with the lockfile, so that nobody who ran npm by hand
 * waits a second time. Packages for other platforms may be missing.
 */
function matchesLockfile() {
  const installed = lockEntries(inRoot('node_modules/.package-lock.json'));
  const wanted = lockEntries(inRoot('package-lock.json'));
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, entry]) => {
      const found = installed[path];
      if (found === undefined) return entry.optional === true || entry.devOptional === true;
      return found.integrity === entry.integrity && found.link === entry.link;
    });
}

/**
 * @param {string} file in npm's lockfile format
 * @returns {Record<string, LockEntry> | undefined} nothing when it is missing or broken: then npm has the word
 */
function lockEntries(file) {
  try {
    /** @type {{ packages: Record<string, LockEntry> }} */
    const lock = JSON.parse(readFileSync(file, 'utf8'));
    return lock.packages;
  } catch {
    return undefined;
  }
}

/** Every package of the workspace, as a folder relative to the repository. */
function packageFolders() {
  return ['libs', 'apps'].flatMap((parent) =>
    readdirSync(inRoot(parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(inRoot(`${parent}/${entry.name}/tsconfig.json`)))
      .map((entry) => `${parent}/${entry.name}`),
  );
}

/**
 * What a package compiles: specs and their helpers in `testing` folders are not part of it.
 * @param {string} folder of a package
 */
function sourcesOf(folder) {
  return readdirSync(inRoot(`${folder}/src`), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !file.startsWith('testing/'));
}

/** Digest over name, time and size of everything a build reads: enough to see an edit, and quick. */
function buildInputsDigest() {
  const files = [
    ...['package-lock.json', 'tsconfig.base.json', 'tsconfig.json'],
    ...readdirSync(inRoot('tools/types')).map((file) => `tools/types/${file}`),
    ...packageFolders().flatMap((folder) => [
      ...['package.json', 'tsconfig.json'].map((file) => `${folder}/${file}`),
      ...sourcesOf(folder).map((file) => `${folder}/src/${file}`),
    ]),
  ];
  const digest = createHash('sha256');
  for (const file of files.sort()) {
    const { mtimeMs, size } = statSync(inRoot(file));
    digest.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return digest.digest('hex');
}

/** Whether every source has its output: a `dist` folder may have been removed or half copied. */
export function hasOutputs() {
  return packageFolders().every((folder) =>
    sourcesOf(folder)
      .filter((file) => !file.endsWith('.d.ts'))
      .every((file) => existsSync(inRoot(`${folder}/dist/${file.replace(/\.ts$/, '.js')}`))),
  );
}

export function isBuilt() {
  return readIfThere(buildStamp) === buildInputsDigest() && hasOutputs();
}

/**
 * Runs a build between removing the old stamp and writing the new one. The digest is taken before, so that a source
 * edited meanwhile is built again.
 * @param {() => Promise<void>} build
 */
export async function stampBuild(build) {
  rmSync(buildStamp, { force: true });
  const digest = buildInputsDigest();
  await build();
  mkdirSync(cacheFolder, { recursive: true });
  writeFileSync(buildStamp, digest);
}
