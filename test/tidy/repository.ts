/**
 * The files that git knows, as the tidy tests see them. What is not tracked is nobody's business yet.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface TextFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Paths of all tracked files that are there. */
export const trackedPaths: readonly string[] = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8');
export const sizeOf = (path: string): number => statSync(join(root, path)).size;

/** All tracked text files whose path matches. */
export function textFiles(pattern: RegExp): TextFile[] {
  return trackedPaths.filter((path) => pattern.test(path)).map((path) => ({ path, text: readText(path) }));
}

export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface WorkspacePackage {
  /** Such as `libs/data`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

const manifestOf = (path: string): Manifest => JSON.parse(readText(path)) as Manifest;

export const rootManifest: Manifest = manifestOf('package.json');

/** Every library and app. */
export const workspacePackages: readonly WorkspacePackage[] = trackedPaths
  .filter((path) => /^(libs|apps)\/[^/]+\/package\.json$/.test(path))
  .map((path) => ({ folder: dirname(path), manifest: manifestOf(path) }));
