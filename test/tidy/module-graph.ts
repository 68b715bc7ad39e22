/**
 * The files of the workspace as a graph: who imports whom and by which names. From it follow dead files (reached
 * from no entry) and dead exports (imported by no other file).
 */
import { posix } from 'node:path';
import type { WorkspacePackage } from './repository.js';
import type { Export, SourceFile } from './source-file.js';

const isSpec = (path: string): boolean => path.endsWith('.spec.ts');

export class ModuleGraph {
  readonly #files: ReadonlyMap<string, SourceFile>;
  /** Source file behind each name a package can be imported by. */
  readonly #entries = new Map<string, string>();
  /** Files that are started or loaded by name, and those that a package offers. */
  readonly #roots: string[] = [];

  /** @param commands of package.json, which start tools */
  constructor(files: readonly SourceFile[], packages: readonly WorkspacePackage[], commands: readonly string[] = []) {
    this.#files = new Map(files.map((file) => [file.path, file]));
    const strings = [...commands, ...files.flatMap((file) => [...file.strings])].join('\n');
    const tools = files.filter(({ path }) => path.startsWith('tools/') && strings.includes(path));
    this.#roots.push(...tools.map(({ path }) => path));
    for (const { folder, manifest } of packages) {
      for (const [subpath, targets] of Object.entries(manifest.exports ?? {})) {
        const source = targets['@lockstep/source'];
        if (source === undefined) continue;
        this.#entries.set(posix.join(manifest.name, subpath), posix.join(folder, source));
      }
      this.#roots.push(...Object.values(manifest.bin ?? {}).map((path) => posix.join(folder, path)));
    }
    this.#roots.push(...this.#entries.values());
  }

  /** Files that no entry of a package, no bin and no test leads to. */
  deadFiles(): string[] {
    const reached = new Set<string>();
    const waiting = [...this.#roots, ...[...this.#files.keys()].filter((path) => isRoot(path))];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const file = this.#files.get(path);
      if (file === undefined || reached.has(path)) continue;
      reached.add(path);
      for (const from of [...file.imports.map((one) => one.from), ...file.mentions]) {
        const target = this.#resolve(path, from);
        // A test keeps its helpers alive, not the code it tests: else a file that only its own spec uses would pass.
        if (target !== undefined && (isTest(target) || !isTest(path))) waiting.push(target);
      }
    }
    return [...this.#files.keys()].filter((path) => !reached.has(path));
  }

  /**
   * Exports that no other file imports, as `path: name`. A test counts only for what an index or a test helper
   * exports, or what its own file uses too: else a function would live for its own spec alone. Types that describe what
   * is used are left alone.
   */
  deadExports(): string[] {
    const importers = this.#importers();
    const tested = this.#tested();
    const isAlive = (path: string, one: Export): boolean =>
      (one.isReferred && tested.has(`${path}: ${one.name}`)) || this.#isDescription(path, one, importers);
    return [...this.#files.values()]
      .filter(({ path }) => !isLoadedByName(path) && !importers.has(`${path}: *`))
      .flatMap(({ path, exports }) => {
        const dead = exports.filter((one) => !importers.has(`${path}: ${one.name}`));
        return dead.filter((one) => !isAlive(path, one)).map(({ name }) => `${path}: ${name}`);
      });
  }

  /** Files that count as users of each export, by `path: name`. */
  #importers(): Map<string, string[]> {
    const importers = new Map<string, string[]>();
    for (const file of this.#files.values()) {
      for (const { from, names } of file.imports) {
        const target = this.#resolve(file.path, from);
        if (target === undefined || (isTest(file.path) && !isTest(target) && !this.#roots.includes(target))) continue;
        for (const name of names) {
          const key = `${target}: ${name}`;
          importers.set(key, [...(importers.get(key) ?? []), file.path]);
        }
      }
    }
    return importers;
  }

  /** What tests import, by `path: name`. */
  #tested(): ReadonlySet<string> {
    const tests = [...this.#files.values()].filter(({ path }) => isTest(path));
    return new Set(
      tests.flatMap(({ path, imports }) =>
        imports.flatMap(({ from, names }) => names.map((name) => `${this.#resolve(path, from) ?? from}: ${name}`)),
      ),
    );
  }

  /**
   * Whether an export is a type that says what something else takes or gives: one that its own file refers to, or,
   * in an index, one that the other files of the library use.
   */
  #isDescription(path: string, one: Export, importers: ReadonlyMap<string, readonly string[]>): boolean {
    if (one.origin === undefined) return one.isType && one.isReferred;
    const { from, name } = one.origin;
    const target = this.#resolve(path, from);
    const original = this.#files.get(target ?? '')?.exports.find((other) => other.name === name);
    if (target === undefined || original === undefined) return false;
    const isUsedInside = original.isType && (importers.get(`${target}: ${name}`) ?? []).some((user) => user !== path);
    return isUsedInside || this.#isDescription(target, original, importers);
  }

  /** The file of the workspace behind an import, if it is one. */
  #resolve(importer: string, from: string): string | undefined {
    if (!from.startsWith('.')) return this.#entries.get(from);
    const path = posix.join(posix.dirname(importer), from);
    const source = path.replace(/\/dist\//, '/src/').replace(/\.js$/, '.ts');
    return [source, path].find((candidate) => this.#files.has(candidate));
  }
}

/** Files that something outside of the graph starts. */
function isRoot(path: string): boolean {
  return isSpec(path) || /^apps\/[^/]+\/src\/main\.ts$|\.d\.ts$/.test(path) || isLoadedByName(path);
}

/** Configurations, and the reporter, which vitest loads: what they export is for a tool. */
function isLoadedByName(path: string): boolean {
  return /(^|\/)[^/]+\.config\.(ts|js)$|^tools\/test-reporter\.mjs$/.test(path);
}

/**
 * Specs, what lies in `test/`, and helpers of specs beside the code, which lie in `src/testing`. What lies in `deploy/`
 * makes files that tests compare, and is no part of the program either.
 */
function isTest(path: string): boolean {
  return isSpec(path) || /^(test|deploy)\//.test(path) || /^libs\/[^/]+\/src\/testing\//.test(path);
}
