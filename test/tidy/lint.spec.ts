import { ESLint } from 'eslint';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './repository.js';

/** A file of each layer whose text a sample replaces: typed rules know the files of the project only. */
const places = {
  core: 'libs/data/src/index.ts',
  coreSpec: 'libs/data/src/shards.spec.ts',
  driver: 'libs/runtime/src/index.ts',
  compute: 'libs/model/src/index.ts',
  shell: 'libs/transport/src/index.ts',
  app: 'apps/worker/src/index.ts',
} as const;

type Place = keyof typeof places;

const boundaries = '@nx/enforce-module-boundaries';
const imports = '@typescript-eslint/no-restricted-imports';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-lint-'));
let eslint: ESLint;

beforeAll(() => {
  process.env['NX_WORKSPACE_DATA_DIRECTORY'] = join(folder, 'nx-data');
  // In CI the parser would read each file from the disk once, and never see the samples.
  process.env['TSESTREE_SINGLE_RUN'] = 'false';
  eslint = new ESLint({ cwd: root });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Names of the rules that a sample breaks when it stands in a file of that layer. */
async function broken(place: Place, sample: string): Promise<string[]> {
  const [result] = await eslint.lintText(sample, { filePath: join(root, places[place]) });
  return result.messages.map(({ ruleId, message }) => ruleId ?? message);
}

const layers: [Place, string, string][] = [
  ['core', "import type { Clock } from '@lockstep/runtime';", boundaries],
  ['core', "import { createEngine } from '@lockstep/model';", boundaries],
  ['core', "import { x } from '@lockstep/transport';", boundaries],
  ['core', "import { x } from '@lockstep/worker';", boundaries],
  ['core', "import { Router } from 'zeromq';", boundaries],
  ['core', "import { tensor } from '@tensorflow/tfjs-core';", boundaries],
  ['core', "import yargs from 'yargs';", boundaries],
  ['core', "import { Registry } from 'prom-client';", imports],
  ['core', "import { pino } from 'pino';", imports],
  ['core', "import { x } from '../../config/src/errors.js';", boundaries],
  ['core', "import { x } from '@lockstep/data';", boundaries],
  ['driver', "import { x } from '@lockstep/transport';", boundaries],
  ['driver', "import { x } from '@lockstep/model';", boundaries],
  ['driver', "import { Router } from 'zeromq';", boundaries],
  ['driver', "import { tensor } from '@tensorflow/tfjs-core';", boundaries],
  ['compute', "import { x } from '@lockstep/runtime';", boundaries],
  ['compute', "import { Router } from 'zeromq';", boundaries],
  ['shell', "import { x } from '@lockstep/model';", boundaries],
  ['shell', "import { x } from '@lockstep/engine';", boundaries],
  ['shell', "import { x } from '@lockstep/worker';", boundaries],
  ['shell', "import { runWorker } from '@lockstep/runtime';", imports],
];

const pureLayers: Place[] = ['core', 'driver', 'compute'];

const impurities: [string, string][] = [
  ["import { readFileSync } from 'node:fs';", imports],
  ["import type { Socket } from 'net';", imports],
  ["import { readFile } from 'fs/promises';", imports],
  ["export const a = await import('./index.js');", 'no-restricted-syntax'],
  ['export const a = import.meta.url;', 'no-restricted-syntax'],
  ['export const a = process.pid;', 'no-restricted-globals'],
  ['export const a = Buffer.alloc(1);', 'no-restricted-globals'],
  ['setTimeout(() => undefined, 1);', 'no-restricted-globals'],
  ['setInterval(() => undefined, 1);', 'no-restricted-globals'],
  ['setImmediate(() => undefined);', 'no-restricted-globals'],
  ['queueMicrotask(() => undefined);', 'no-restricted-globals'],
  ["console.log('a');", 'no-restricted-globals'],
  ['export const a = Date.now();', 'no-restricted-globals'],
  ['export const a = new Date();', 'no-restricted-globals'],
  ['export const a = performance.now();', 'no-restricted-globals'],
  ['export const a = globalThis.process;', 'no-restricted-globals'],
  ['export const a = Math.random();', 'no-restricted-properties'],
  ['export const { random } = Math;', 'no-restricted-properties'],
];

const mistakes: [string, string][] = [
  ['export async function a() {}\nexport function b() { a(); }', '@typescript-eslint/no-floating-promises'],
  [
    'export const a = [1].forEach(async () => { await b(); });\nasync function b() {}',
    '@typescript-eslint/no-misused-promises',
  ],
  [
    "export function a(b: 'c' | 'd') { switch (b) { case 'c': return 1; } }",
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  [
    "import { LockstepError } from '@lockstep/config';\nexport type A = LockstepError;",
    '@typescript-eslint/consistent-type-imports',
  ],
  ['export const a: any = 1;', '@typescript-eslint/no-explicit-any'],
  ["export const a: string = JSON.parse('1');", '@typescript-eslint/no-unsafe-assignment'],
  ['export const a = (b: number[]) => b.at(0)!;', '@typescript-eslint/no-non-null-assertion'],
  ["export function a() { throw 'b'; }", '@typescript-eslint/only-throw-error'],
  ['export const a = (b: number) => b == 1;', 'eqeqeq'],
  ['// @ts-ignore\nexport const a: string = 1;', '@typescript-eslint/ban-ts-comment'],
  [`export function a() {\n${'  b();\n'.repeat(70)}}\nfunction b() {}`, 'max-lines-per-function'],
  ['export {};\n'.repeat(401), 'max-lines'],
];

describe('the linter', () => {
  it.each(layers)('keeps %s from %s', async (place, sample, rule) => {
    expect(await broken(place, sample)).toContain(rule);
  });

  describe.each(pureLayers)('keeps %s pure of', (place) => {
    it.each(impurities)('%s', async (sample, rule) => {
      expect(await broken(place, sample)).toContain(rule);
    });
  });

  it.each(mistakes)('finds %j', async (sample, rule) => {
    expect(await broken('core', sample)).toContain(rule);
  });

  it('lets a layer import what it may', async () => {
    expect(await broken('core', "export { LockstepError } from '@lockstep/config';")).toEqual([]);
    expect(await broken('driver', "export { LockstepError } from '@lockstep/config';")).toEqual([]);
    expect(await broken('shell', "export type { Clock } from '@lockstep/runtime';")).toEqual([]);
    expect(await broken('compute', "export { tidy } from '@tensorflow/tfjs-core';")).toEqual([]);
    expect(await broken('app', "export { Router } from 'zeromq';")).toEqual([]);
  });

  it('lets specs read clocks and files', async () => {
    const sample = "import { statSync } from 'node:fs';\nexport const a = [Date.now(), statSync('b').size];";
    expect(await broken('coreSpec', sample)).toEqual([]);
  });

  it('lets a function have 70 lines, not counting comments and blanks', async () => {
    const sample = `export function a() {\n${'  b();\n'.repeat(68)}${'  // c\n\n'.repeat(9)}}\nfunction b() {}`;
    expect(await broken('core', sample)).toEqual([]);
  });
});
