import { describe, expect, it } from 'vitest';
import { ModuleGraph } from './module-graph.js';
import { rootManifest, textFiles, workspacePackages } from './repository.js';
import { readSourceFile } from './source-file.js';

const ours = textFiles(/^(libs|apps|test|tools|deploy)\/.*\.(ts|mjs)$|^[^/]+\.(ts|js)$/).map(readSourceFile);
const commands = Object.values(rootManifest.scripts ?? {});

/** A graph of one library, `@lockstep/a`, and whatever files a case needs. */
function graphOf(texts: Readonly<Record<string, string>>): ModuleGraph {
  const files = Object.entries(texts).map(([path, text]) => readSourceFile({ path, text }));
  const exports = { '.': { '@lockstep/source': './src/index.ts' } };
  return new ModuleGraph(files, [{ folder: 'libs/a', manifest: { name: '@lockstep/a', exports } }]);
}

const index = "export { a } from './a.js';";
const user = "import { a } from '@lockstep/a';\na();";

describe('reading a source file', () => {
  it('knows every form of import', () => {
    const { imports } = readSourceFile({
      path: 'a.ts',
      text: `
        import b, { c as d, type E } from './b.js';
        import * as f from './f.js';
        import './g.js';
        export { h as i } from './h.js';
        export * from './j.js';
        type K = import('./k.js').L;
        const m = await import('./m.js');`,
    });
    expect(imports).toEqual([
      { from: './b.js', names: ['default', 'c', 'E'] },
      { from: './f.js', names: ['*'] },
      { from: './g.js', names: [] },
      { from: './h.js', names: ['h'] },
      { from: './j.js', names: ['*'] },
      { from: './k.js', names: ['L'] },
      { from: './m.js', names: ['*'] },
    ]);
  });

  it('knows every form of export', () => {
    const { exports } = readSourceFile({
      path: 'a.ts',
      text: `
        export const a = 1, b = 2;
        export function c() {}
        export class D {}
        export interface E {}
        export type F = 1;
        export enum G {}
        export { h as i };
        export { j } from './j.js';
        export default 1;
        const k = 1;`,
    });
    expect(exports.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'D', 'E', 'F', 'G', 'i', 'j', 'default']);
  });
});

describe('dead files', () => {
  it('are those that only their own spec imports', () => {
    const graph = graphOf({
      'libs/a/src/index.ts': index,
      'libs/a/src/a.ts': "import './deep.js';\nexport const a = new URL('./thread.js', import.meta.url);",
      'libs/a/src/deep.ts': '',
      'libs/a/src/thread.ts': '',
      'libs/a/src/dead.ts': '',
      'libs/a/src/dead.spec.ts': "import './dead.js';",
    });
    expect(graph.deadFiles()).toEqual(['libs/a/src/dead.ts']);
  });

  it('are test helpers that no spec leads to', () => {
    const graph = graphOf({
      'test/a.spec.ts': "import './helper.js';",
      'test/helper.ts': "import './deep.js';",
      'test/deep.ts': '',
      'test/dead.ts': '',
    });
    expect(graph.deadFiles()).toEqual(['test/dead.ts']);
  });

  it('are tools that no command and no other tool names', () => {
    const files = ['tools/a.mjs', 'tools/b.mjs'].map((path) => readSourceFile({ path, text: '' }));
    expect(new ModuleGraph(files, [], ['node tools/a.mjs']).deadFiles()).toEqual(['tools/b.mjs']);
  });

  it('are not here', () => {
    expect(ours.length).toBeGreaterThan(100);
    expect(new ModuleGraph(ours, workspacePackages, commands).deadFiles()).toEqual([]);
  });
});

describe('dead exports', () => {
  it('are those that no other file imports, or only a spec beside the code', () => {
    const graph = graphOf({
      'libs/a/src/index.ts': index,
      'libs/a/src/a.ts': 'export const a = 1;\nexport const b = a;\nexport const c = b;\nexport const d = c;',
      'libs/a/src/a.spec.ts': "import { b, d } from './a.js';",
      'apps/x/src/main.ts': user,
    });
    // b is used in its own file too, so its spec tests something that lives.
    expect(graph.deadExports()).toEqual(['libs/a/src/a.ts: c', 'libs/a/src/a.ts: d']);
  });

  it('are names of an index that no other package and no test imports', () => {
    const texts = { 'libs/a/src/index.ts': index, 'libs/a/src/a.ts': 'export const a = 1;' };
    expect(graphOf(texts).deadExports()).toEqual(['libs/a/src/index.ts: a']);
    expect(graphOf({ ...texts, 'apps/x/src/main.ts': user }).deadExports()).toEqual([]);
    expect(graphOf({ ...texts, 'test/x.spec.ts': user }).deadExports()).toEqual([]);
  });

  it('are no types that say what another export takes or gives', () => {
    const graph = graphOf({
      'libs/a/src/index.ts': "export { a } from './a.js';\nexport type { B, C } from './a.js';",
      'libs/a/src/a.ts': 'export interface B {}\nexport interface C {}\nexport function a(b: B): void {}',
      'test/x.spec.ts': user,
    });
    expect(graph.deadExports()).toEqual(['libs/a/src/index.ts: C']);
  });

  it('are not here', () => {
    expect(new ModuleGraph(ours, workspacePackages, commands).deadExports()).toEqual([]);
  });
});
