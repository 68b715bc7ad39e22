import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declaredVersions, looseVersions, packageOf, undeclaredImports, unusedDependencies } from './dependencies.js';
import { readText, rootManifest, textFiles, workspacePackages } from './repository.js';
import { readSourceFile } from './source-file.js';

const manifests = [rootManifest, ...workspacePackages.map(({ manifest }) => manifest)];

const filesOf = (folder: string) =>
  textFiles(/\.(ts|mjs)$/)
    .filter(({ path }) => path.startsWith(`${folder}/`))
    .map(readSourceFile);

describe('a version', () => {
  it('is found loose in any kind of dependency', () => {
    const devDependencies = { d: '*', e: '1.0.0-rc.1' };
    expect(looseVersions({ name: 'a', dependencies: { b: '^1.0.0', c: '1.0.0' }, devDependencies })).toEqual([
      'a: dependencies: b is ^1.0.0, not one exact version',
      'a: devDependencies: d is *, not one exact version',
    ]);
  });

  it('is exact in every manifest', () => {
    expect(manifests.flatMap(declaredVersions).length).toBeGreaterThan(30);
    expect(manifests.flatMap(looseVersions)).toEqual([]);
  });

  it('is locked without the host it came from', () => {
    const lines = readText('package-lock.json').split('\n');
    expect(lines.filter((line) => /"resolved": "\w+:\/\//.test(line))).toEqual([]);
  });

  it('of a package of ours is the version that package has', () => {
    const versions = new Map(
      workspacePackages.map(({ folder, manifest }) => {
        const { version } = JSON.parse(readText(`${folder}/package.json`)) as { version: string };
        return [manifest.name, version];
      }),
    );
    const wrong = manifests.flatMap(({ name, dependencies }) =>
      Object.entries(dependencies ?? {})
        .filter(([other, version]) => versions.has(other) && versions.get(other) !== version)
        .map(([other, version]) => `${name}: ${other} is ${version}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('an import', () => {
  it('belongs to a package, to Node or to the same package', () => {
    expect(['@a/b/c', 'd/e', 'node:fs', 'fs/promises', './f.js'].map(packageOf)).toEqual([
      '@a/b',
      'd',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is found undeclared; a development tool is for tests only', () => {
    const text = "import 'zod';\nimport 'vitest';\nimport type { X } from 'yargs';\nimport 'node:fs';";
    const files = ['libs/a/src/a.ts', 'libs/a/src/a.spec.ts'].map((path) => readSourceFile({ path, text }));
    const manifest = { name: '@lockstep/a', dependencies: { zod: '1.0.0' } };
    expect(undeclaredImports(files, manifest, { name: 'root', devDependencies: { vitest: '1.0.0' } })).toEqual([
      'libs/a/src/a.ts: vitest is not declared in the package.json of @lockstep/a',
      'libs/a/src/a.ts: yargs is not declared in the package.json of @lockstep/a',
      'libs/a/src/a.spec.ts: yargs is not declared in the package.json of @lockstep/a',
    ]);
  });

  it.each(workspacePackages)('of $folder is declared', ({ folder, manifest }) => {
    expect(undeclaredImports(filesOf(folder), manifest, rootManifest)).toEqual([]);
  });

  it('of a tool or of a test across packages is declared somewhere', () => {
    const known = new Set([
      ...workspacePackages.map(({ manifest }) => manifest.name),
      ...manifests.flatMap(declaredVersions).map(([, name]) => name),
    ]);
    const unknown = [...filesOf('test'), ...filesOf('tools'), ...filesOf('deploy')].flatMap(({ path, imports }) =>
      imports
        .map(({ from }) => packageOf(from))
        .filter((name) => name !== undefined && !known.has(name))
        .map((name) => `${path}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });
});

describe('a dependency', () => {
  it('is found unused, unless it is named anywhere', () => {
    const text = "import 'b/c';\nrequire.resolve('d/package.json');";
    const files = [readSourceFile({ path: 'libs/a/src/a.ts', text })];
    const dependencies = { b: '1.0.0', d: '1.0.0', e: '1.0.0' };
    expect(unusedDependencies(files, { name: 'a', dependencies })).toEqual(['a: e is declared and never used']);
  });

  it.each(workspacePackages)('of $folder is used', ({ folder, manifest }) => {
    expect(unusedDependencies(filesOf(folder), manifest)).toEqual([]);
  });

  it.each(workspacePackages)('of $folder on our own packages is in its tsconfig', ({ folder, manifest }) => {
    const { references = [] } = JSON.parse(readText(`${folder}/tsconfig.json`)) as { references?: { path: string }[] };
    const folderOf = new Map(workspacePackages.map((one) => [one.manifest.name, one.folder]));
    const wanted = Object.keys(manifest.dependencies ?? {}).flatMap((name) => folderOf.get(name) ?? []);
    expect(references.map(({ path }) => posix.join(folder, path)).sort()).toEqual(wanted.sort());
  });
});
