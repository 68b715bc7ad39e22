import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, workspacePackages } from './repository.js';

interface Edge {
  readonly source: string;
  readonly target: string;
}

interface Project {
  readonly data: { readonly root: string; readonly tags: readonly string[]; readonly targets: Record<string, unknown> };
}

/** Which layer may depend on which; the design's table. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  driver: ['core'],
  compute: ['core'],
  shell: ['core', 'driver'],
  app: ['core', 'driver', 'compute', 'shell', 'app'],
};

let folder: string;
let projects: Readonly<Record<string, Project>>;
let edges: readonly Edge[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-graph-'));
  const file = join(folder, 'graph.json');
  execFileSync(process.execPath, [join(root, 'node_modules/.bin/nx'), 'graph', `--file=${file}`], {
    cwd: root,
    env: { ...process.env, NX_DAEMON: 'false', NX_WORKSPACE_DATA_DIRECTORY: join(folder, 'data') },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 120_000,
  });
  const { graph } = JSON.parse(readFileSync(file, 'utf8')) as {
    graph: { nodes: Record<string, Project>; dependencies: Record<string, Edge[]> };
  };
  projects = graph.nodes;
  edges = Object.values(graph.dependencies)
    .flat()
    .filter(({ target }) => target in projects);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function layerOf(name: string): string {
  const layers = projects[name].data.tags.filter((tag) => tag.startsWith('layer:'));
  expect(layers, `${name} has one layer`).toHaveLength(1);
  return layers[0].slice('layer:'.length);
}

/** The names along one cycle, or nothing. */
function findCycle(graph: readonly Edge[]): string[] | undefined {
  const done = new Set<string>();
  const walk = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const { target } of graph.filter(({ source }) => source === name)) {
      const cycle = walk(target, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const { source } of graph) {
    const cycle = walk(source, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe('the project graph', () => {
  it('holds every package, each with a build', () => {
    expect(Object.values(projects).map(({ data }) => data.root).sort()).toEqual(
      workspacePackages.map(({ folder: path }) => path).sort(),
    );
    expect(Object.entries(projects).filter(([, { data }]) => !('build' in data.targets))).toEqual([]);
  });

  it('has no cycle', () => {
    expect(edges.length).toBeGreaterThan(10);
    expect(findCycle(edges)).toBeUndefined();
    const closing = { source: '@lockstep/config', target: '@lockstep/runtime' };
    expect(findCycle([...edges, closing])).toContain('@lockstep/config');
  });

  it('keeps to the layers', () => {
    const wrong = edges.filter(({ source, target }) => !allowed[layerOf(source)]?.includes(layerOf(target)));
    expect(wrong.map(({ source, target }) => `${source} -> ${target}`)).toEqual([]);
  });

  it('has a library of each layer, so that no rule stands idle', () => {
    expect(new Set(Object.keys(projects).map(layerOf))).toEqual(new Set(Object.keys(allowed)));
  });
});
