/**
 * Rules about what a package declares and what it really imports.
 */
import { builtinModules } from 'node:module';
import type { Manifest } from './repository.js';
import type { SourceFile } from './source-file.js';

type Versions = Readonly<Record<string, string>>;

/** Every dependency of a manifest, of whatever kind, as `[kind, name, version]`. */
export function declaredVersions(manifest: Manifest): [kind: string, name: string, version: string][] {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;
  return kinds.flatMap((kind) =>
    Object.entries(manifest[kind] ?? {}).map(([name, version]): [string, string, string] => [kind, name, version]),
  );
}

/** Versions that are not one exact version: the same clone must give the same program next year. */
export function looseVersions(manifest: Manifest): string[] {
  return declaredVersions(manifest)
    .filter(([, , version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([kind, name, version]) => `${manifest.name}: ${kind}: ${name} is ${version}, not one exact version`);
}

/** The package an import belongs to; nothing for a relative path and for a module of Node. */
export function packageOf(from: string): string | undefined {
  if (from.startsWith('.') || from.startsWith('node:')) return undefined;
  const parts = from.split('/');
  const name = from.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? from);
  return builtinModules.includes(name) ? undefined : name;
}

const names = (...versions: (Versions | undefined)[]): Set<string> =>
  new Set(versions.flatMap((one) => Object.keys(one ?? {})));

/**
 * Imports that the package does not declare, as `path: name`. Code that is shipped needs a real dependency; tests
 * may use the development tools of the repository too.
 */
export function undeclaredImports(files: readonly SourceFile[], manifest: Manifest, rootManifest: Manifest): string[] {
  const shipped = names(manifest.dependencies, manifest.optionalDependencies, manifest.peerDependencies);
  const inTests = names(manifest.devDependencies, rootManifest.devDependencies);
  return files.flatMap(({ path, imports }) => {
    const isTest = path.endsWith('.spec.ts') || path.includes('/src/testing/');
    return imports
      .map(({ from }) => packageOf(from) ?? manifest.name)
      .filter((name) => name !== manifest.name && !shipped.has(name) && !(isTest && inTests.has(name)))
      .map((name) => `${path}: ${name} is not declared in the package.json of ${manifest.name}`);
  });
}

/** Dependencies that no file of the package names. */
export function unusedDependencies(files: readonly SourceFile[], manifest: Manifest): string[] {
  const strings = new Set(files.flatMap((file) => [...file.strings]));
  const isNamed = (name: string): boolean => [...strings].some((one) => one === name || one.startsWith(`${name}/`));
  return [...names(manifest.dependencies, manifest.optionalDependencies)]
    .filter((name) => !isNamed(name))
    .map((name) => `${manifest.name}: ${name} is declared and never used`);
}
