import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepare } from '../../tools/prepare.mjs';
import { cacheFolder, root } from '../../tools/stamps.mjs';
import { bench } from './bench.js';
import { renderDocument } from './document.js';
import type { Explanations } from './document.js';
import { buildPrograms } from './programs.js';
import type { Programs } from './programs.js';
import type { Results } from './results.js';
import { compete } from './rounds.js';
import type { StarJob } from './star-job.js';
import { meanOf, readyMade } from './star-job.js';
import { reachesQuality } from './suites/quality.js';
import { rateOf, train } from './training.js';

const MAIN = fileURLToPath(new URL('./main.mjs', import.meta.url));
const silent = (): void => undefined;
let scratch = '';
let programs: Programs;

beforeAll(async () => {
  await prepare();
  mkdirSync(cacheFolder, { recursive: true });
  // Inside the repository, so that the programs find the packages.
  scratch = mkdtempSync(join(cacheFolder, 'bench-spec-'));
  programs = await buildPrograms(join(scratch, 'programs'));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the benchmark', () => {
  it('leaves its figures behind as JSON', async () => {
    const out = join(scratch, 'figures.json');
    const lines: string[] = [];
    const suites = await bench(['--suite', 'none', '--out', out], (line) => lines.push(line));
    expect(suites).toBe(0);
    expect(lines).toEqual([`figures: ${out}`]);
  });

  it('is one command, which says what it does not understand', () => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, '--suite', 'nonsense'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^bench: --suite nonsense is not one of step,/m);
  });
});

describe('programs of lockstep, as real processes', () => {
  const job: StarJob = { role: 'coordinator', workers: 3, values: 1001, repeats: 2, endpoint: '', worker: 0 };

  it.each(['star', 'mesh', 'socket', 'cluster'] as const)('%s measures with three workers', async (name) => {
    const command = [process.execPath, programs[name], JSON.stringify(job)] as const;
    const [measured] = await compete([{ plan: { name, command, env: {} } }], 2, silent);
    expect(measured?.row.missing).toBeNull();
    expect(measured?.row.values).toHaveLength(2);
    expect(measured?.row.values.every((value) => value > 0)).toBe(true);
  });

  it('the star checks every mean: its values add up without rounding', () => {
    const gradients = [0, 1, 2].map((worker) => readyMade(worker, 200));
    for (const index of [0, 1, 96, 97, 199]) {
      const sum = gradients.reduce((total, gradient) => total + gradient[index], 0);
      expect(meanOf(index, 3)).toBe(Math.fround(sum / 3));
    }
  });
});

describe('time to quality', () => {
  it('is when the mean of the last 50 losses is below 1.90', () => {
    expect(reachesQuality(Array<number>(49).fill(1))).toBe(false);
    expect(reachesQuality([...Array<number>(100).fill(4), ...Array<number>(50).fill(1.89)])).toBe(true);
    expect(reachesQuality([...Array<number>(50).fill(1.89), ...Array<number>(50).fill(1.91)])).toBe(false);
  });
});

describe('docs/benchmarks.md', () => {
  it('is what its figures and explanations say', () => {
    const read = (path: string): string => readFileSync(join(root, path), 'utf8');
    const figures = JSON.parse(read('docs/benchmarks.json')) as Results;
    const explanations = JSON.parse(read('test/bench/explanations.json')) as Explanations;
    expect(read('docs/benchmarks.md')).toBe(renderDocument(figures, explanations));
  });
});

describe('a whole run', () => {
  it('can be ended at a commit, and told its rate', async () => {
    const args = ['--preset', 'tiny', '--engine', 'wasm', '--workers', '1', '--steps', '1000'];
    const commits = await train(scratch, args, { onCommit: ({ step }) => step >= 10 });
    expect(commits.map(({ step }) => step).slice(0, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(commits.length).toBeLessThan(1000);
    expect(rateOf(commits, 3)).toBeGreaterThan(0);
    expect(() => rateOf(commits.slice(0, 3), 3)).toThrow('too few steps');
  });
});
