/**
 * `npm run bench`: runs suites, one after the other, prints each as a table, and leaves all raw figures behind as
 * JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostFacts } from '@lockstep/engine';
import { cacheFolder, root } from '../../tools/stamps.mjs';
import { keepFigures } from './keep.js';
import { watchMachine } from './machine.js';
import { readOptions } from './options.js';
import type { BenchOptions, SuiteName } from './options.js';
import { buildPrograms } from './programs.js';
import type { Results, SuiteResult } from './results.js';
import type { Suite, SuiteContext } from './suite.js';
import { allReduceSuite } from './suites/allreduce.js';
import { pathSuite } from './suites/path.js';
import { qualitySuite } from './suites/quality.js';
import { scaleSuite } from './suites/scale.js';
import { stepSuite } from './suites/step.js';
import { workersSuite } from './suites/workers.js';
import { suiteText } from './table.js';

const SUITES: Readonly<Record<SuiteName, Suite>> = {
  step: stepSuite,
  workers: workersSuite,
  allreduce: allReduceSuite,
  path: pathSuite,
  scale: scaleSuite,
  quality: qualitySuite,
};

/** @returns the exit code */
export async function bench(args: readonly string[], print: (line: string) => void): Promise<number> {
  const options = readOptions(args);
  mkdirSync(join(cacheFolder, 'bench'), { recursive: true });
  const scratch = mkdtempSync(join(cacheFolder, 'bench', 'run-'));
  try {
    const results = await runSuites(options, args, scratch, print);
    const out = options.out === '' ? join(cacheFolder, 'bench', 'latest.json') : options.out;
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
    print(`figures: ${out}`);
    if (options.write) keepFigures(results);
    return results.suites.every(({ checks }) => checks.every(({ ok }) => ok)) ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runSuites(
  options: BenchOptions,
  args: readonly string[],
  scratch: string,
  print: (line: string) => void,
): Promise<Results> {
  const { cores } = await hostFacts();
  const context: SuiteContext = {
    rounds: options.rounds,
    cores,
    peers: new Set(options.peers),
    text: options.text,
    programs: await buildPrograms(join(scratch, 'programs')),
    scratch,
    say: (line) => void process.stderr.write(`bench: ${line}\n`),
  };
  const suites: SuiteResult[] = [];
  for (const name of options.suites) {
    const suite = SUITES[name];
    const look = await watchMachine();
    const at = new Date().toISOString();
    const figures = await suite.run(context);
    const result: SuiteResult = {
      suite: name,
      title: suite.title,
      at,
      command: ['npm run bench --', ...args].join(' '),
      rounds: options.rounds,
      threads: cores,
      waitPolicy: process.env['OMP_WAIT_POLICY'] ?? 'each library has its own',
      commit: commit(),
      machine: await look(),
      ...figures,
    };
    suites.push(result);
    print(suiteText(result));
  }
  return { suites };
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}
