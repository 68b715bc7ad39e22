/**
 * The packages of npm: the JavaScript of tfjs-node (its kernels are needed by every tensorflow engine) and, where its
 * install script could run, the addon and the TensorFlow that came with it.
 */

import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { TFJS_VERSION } from './pins.js';

export interface TfjsNodePackage {
  readonly name: string;
  readonly folder: string;
}

const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
const CPU_PACKAGE = '@tensorflow/tfjs-node';

const ownRequire = createRequire(import.meta.url);

/**
 * Folder of an installed package, looked for from this file and from the working directory; undefined when there is
 * none.
 */
export function packageFolder(name: string): string | undefined {
  try {
    return dirname(ownRequire.resolve(`${name}/package.json`, { paths: [import.meta.dirname, process.cwd()] }));
  } catch {
    return undefined;
  }
}

/** Version field of the package in a folder. */
export async function packageVersion(folder: string): Promise<string> {
  const read: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const version = typeof read === 'object' && read !== null && 'version' in read ? read.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
}

/** The installed tfjs-node packages of our tfjs version, the GPU one last or first as `gpu` asks. */
export async function tfjsNodePackages(gpu: boolean): Promise<TfjsNodePackage[]> {
  const found: TfjsNodePackage[] = [];
  for (const name of gpu ? [GPU_PACKAGE] : [CPU_PACKAGE, GPU_PACKAGE]) {
    const folder = packageFolder(name);
    if (folder !== undefined && (await packageVersion(folder)) === TFJS_VERSION) found.push({ name, folder });
  }
  return found;
}

export interface StockInstall {
  readonly binding: string;
  readonly gpu: boolean;
  readonly version: string;
}

/** The addon that the package's own install script made, if it ran to its end. */
export async function stockInstall(tfjsNode: TfjsNodePackage): Promise<StockInstall | undefined> {
  const libraries = await namesIn(join(tfjsNode.folder, 'deps', 'lib'));
  if (!libraries.some((name) => name.startsWith('libtensorflow'))) return undefined;
  const lib = join(tfjsNode.folder, 'lib');
  const napiVersions = (await namesIn(lib)).map((name) => /^napi-v(\d+)$/.exec(name)?.[1]);
  const usable = napiVersions
    .filter((version) => version !== undefined)
    .map(Number)
    .filter((version) => version <= Number(process.versions['napi']))
    .sort((a, b) => b - a);
  for (const version of usable) {
    const folder = join(lib, `napi-v${version}`);
    if ((await namesIn(folder)).includes('tfjs_binding.node')) {
      return {
        binding: join(folder, 'tfjs_binding.node'),
        gpu: tfjsNode.name === GPU_PACKAGE,
        version: await stockTensorflowVersion(tfjsNode.folder),
      };
    }
  }
  return undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** tfjs-node writes the TensorFlow it downloads into its scripts; the loaded library has the last word. */
async function stockTensorflowVersion(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'scripts', 'deps-constants.js'), 'utf8').catch(() => '');
  return /LIBTENSORFLOW_VERSION = '([\d.]+)'/.exec(text)?.[1] ?? 'unknown';
}
