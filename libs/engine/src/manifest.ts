/**
 * The manifest of a build is written last, inside a folder that gets its final name only then. It lists every file
 * that is loaded with size and SHA-256. Finding checks sizes and the hash of what is loaded first (a millisecond for
 * TensorFlow's addon, 40 for oneDNN); `verifyBuild` hashes everything (a second or more), for doctor and before a
 * reinstall.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { Build } from './builds.js';
import { GLIBC_MINIMUM } from './pins.js';

export const MANIFEST_NAME = 'manifest.json';

export interface FileRecord {
  readonly lengthBytes: number;
  readonly sha256: string;
}

/** Besides these, what defines the build: see `Build.identity`. */
export interface Manifest {
  readonly platform: string;
  readonly arch: string;
  readonly glibcMinimum: string;
  /** First line of the compiler's `--version`; absent where nothing was compiled. */
  readonly compiler?: string;
  /** SHA-256 by requirement, for example `tensorflow-cpu==2.21.0`. */
  readonly wheels: Readonly<Record<string, string>>;
  /** By path in the folder, with `/`. */
  readonly files: Readonly<Record<string, FileRecord>>;
}

type ManifestChecked = { readonly manifest: Manifest } | { readonly problem: string };

/** SHA-256 of a file, in hex. */
async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Describes a finished folder: every named file is measured and hashed. */
export async function writeManifest(
  folder: string,
  build: Build,
  names: readonly string[],
  facts: Pick<Manifest, 'compiler' | 'wheels'>,
): Promise<void> {
  const files: Record<string, FileRecord> = {};
  for (const name of names) {
    const path = join(folder, name);
    await flushFile(path);
    files[name] = { lengthBytes: (await stat(path)).size, sha256: await fileSha256(path) };
  }
  const manifest: Manifest = {
    ...build.identity,
    platform: process.platform,
    arch: process.arch,
    glibcMinimum: GLIBC_MINIMUM,
    ...facts,
    files,
  };
  await writeFile(join(folder, MANIFEST_NAME), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
}

/** On the disk before the rename that makes it count: else a power cut could leave a named folder with empty files. */
async function flushFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The cheap check, on every find: a manifest of this build, every file there with its size, the entry with its hash.
 */
export async function checkBuild(folder: string, build: Build): Promise<ManifestChecked> {
  const read = await readManifest(folder, build);
  if ('problem' in read) return read;
  for (const [name, record] of Object.entries(read.manifest.files)) {
    const lengthBytes = await stat(join(folder, name)).then((found) => found.size, () => undefined);
    if (lengthBytes === undefined) return { problem: `${name} is missing` };
    if (lengthBytes !== record.lengthBytes) {
      return { problem: `${name} has ${lengthBytes} bytes instead of ${record.lengthBytes}` };
    }
  }
  const entry = read.manifest.files[build.entry];
  if (entry === undefined) return { problem: `the manifest does not name ${build.entry}` };
  const sha256 = await fileSha256(join(folder, build.entry));
  if (sha256 !== entry.sha256) return { problem: `${build.entry} was changed` };
  return read;
}

/** The full check: the cheap one, and the hash of every file. Returns the problem, or undefined when all is well. */
export async function verifyBuild(folder: string, build: Build): Promise<string | undefined> {
  const checked = await checkBuild(folder, build);
  if ('problem' in checked) return checked.problem;
  for (const [name, record] of Object.entries(checked.manifest.files)) {
    if ((await fileSha256(join(folder, name))) !== record.sha256) return `${name} was changed`;
  }
  return undefined;
}

async function readManifest(folder: string, build: Build): Promise<ManifestChecked> {
  const exists = await stat(folder).then(() => true, () => false);
  if (!exists) return { problem: 'there is no such folder' };
  const text = await readFile(join(folder, MANIFEST_NAME), 'utf8').catch(() => undefined);
  if (text === undefined) return { problem: 'it has no readable manifest' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'its manifest is not JSON' };
  }
  if (!isManifest(value)) return { problem: 'its manifest has another form' };
  const found = new Map<string, unknown>(Object.entries(value));
  if (Object.entries(build.identity).some(([name, wanted]) => found.get(name) !== wanted)) {
    return { problem: 'it was made by another version of lockstep' };
  }
  return { manifest: value };
}

function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value)) return false;
  const { compiler, wheels, files } = value;
  if (!['platform', 'arch', 'glibcMinimum'].every((name) => typeof value[name] === 'string')) return false;
  if (compiler !== undefined && typeof compiler !== 'string') return false;
  if (!isRecord(wheels) || !Object.values(wheels).every((hash) => typeof hash === 'string')) return false;
  return isRecord(files) && Object.entries(files).every(([path, record]) => isInnerPath(path) && isFileRecord(record));
}

function isFileRecord(value: unknown): value is FileRecord {
  return isRecord(value) && typeof value['lengthBytes'] === 'number' && typeof value['sha256'] === 'string';
}

/** A manifest may only speak about files of its own folder. */
function isInnerPath(path: string): boolean {
  return path.split('/').every((part) => /^[\w.+-]+$/.test(part) && part !== '..' && part !== '.');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
