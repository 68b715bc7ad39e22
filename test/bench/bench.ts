/**
 * `npm run bench`: runs suites, one after the other, prints each as a table, and leaves all raw figures behind as
 * JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostFacts } from '@lockstep/engine';
import { cacheFolder, root } from '../../tools/stamps.mjs';
import { keepFigures } from './keep.js';
import { watchMachine } from './machine.js';
import { readOptions } from './options.js';
import type { BenchOptions, SuiteName } from './options.js';
import { buildPrograms } from './programs.js';
import type { SuiteResult } from './results.js';
import type { Suite, SuiteContext } from './suite.js';
import { allReduceSuite } from './suites/allreduce.js';
import { metricsSuite } from './suites/metrics.js';
import { pathSuite } from './suites/path.js';
import { qualitySuite } from './suites/quality.js';
import { quickSuite } from './suites/quick.js';
import { networkSuite } from './suites/network.js';
import { scaleSuite } from './suites/scale.js';
import { stepSuite } from './suites/step.js';
import { workersSuite } from './suites/workers.js';
import { ratioText, suiteText } from './table.js';
import { judge } from './targets.js';
import type { Target } from './targets.js';

const SUITES: Readonly<Record<SuiteName | 'quick', Suite>> = {
  step: stepSuite,
  workers: workersSuite,
  allreduce: allReduceSuite,
  path: pathSuite,
  scale: scaleSuite,
  network: networkSuite,
  metrics: metricsSuite,
  quality: qualitySuite,
  quick: quickSuite,
};

const BOUNDS = join(root, 'test/bench/quick-bounds.json');

type Print = (line: string) => void;

/** @returns the exit code: 0 when all checks hold, and with `--quick` all bounds */
export async function bench(args: readonly string[], print: Print): Promise<number> {
  const options = readOptions(args);
  mkdirSync(join(cacheFolder, 'bench'), { recursive: true });
  const scratch = mkdtempSync(join(cacheFolder, 'bench', 'run-'));
  const out = options.out === '' ? join(cacheFolder, 'bench', 'latest.json') : options.out;
  const suites: SuiteResult[] = [];
  try {
    const context = await makeContext(options, scratch);
    for (const name of options.quick ? (['quick'] as const) : options.suites) {
      const result = await runSuite(name, context, args);
      suites.push(result);
      print(suiteText(result));
      // After each: a later one may fail, and some take hours.
      mkdirSync(dirname(out), { recursive: true });
      writeFileSync(out, `${JSON.stringify({ suites }, null, 2)}\n`);
    }
    print(`figures: ${out}`);
    if (options.write) keepFigures({ suites });
    const isSound = suites.every(({ checks }) => checks.every(({ ok }) => ok));
    const isWithin = !options.quick || withinBounds(suites, print);
    return isSound && isWithin ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function makeContext(options: BenchOptions, scratch: string): Promise<SuiteContext> {
  return {
    rounds: options.rounds,
    cores: (await hostFacts()).cores,
    // A quick look downloads nothing.
    peers: new Set(options.quick ? [] : options.peers),
    text: options.text,
    programs: await buildPrograms(join(scratch, 'programs')),
    scratch,
    say: (line) => void process.stderr.write(`bench: ${line}\n`),
  };
}

async function runSuite(
  name: keyof typeof SUITES,
  context: SuiteContext,
  args: readonly string[],
): Promise<SuiteResult> {
  const suite = SUITES[name];
  const look = await watchMachine();
  const at = new Date().toISOString();
  const figures = await suite.run(context);
  return {
    suite: name,
    title: suite.title,
    at,
    command: ['npm run bench --', ...args].join(' '),
    rounds: context.rounds,
    threads: context.cores,
    waitPolicy: process.env['OMP_WAIT_POLICY'] ?? 'each library has its own',
    commit: commit(),
    machine: await look(),
    ...figures,
  };
}

/** One line a bound; one that cannot be judged, because an engine is not installed, says so and passes. */
function withinBounds(suites: readonly SuiteResult[], print: Print): boolean {
  const bounds = JSON.parse(readFileSync(BOUNDS, 'utf8')) as readonly Target[];
  const verdicts = bounds.map((bound) => judge(bound, suites));
  for (const { target, outcome, value } of verdicts) {
    const told = value === undefined ? 'not measured: a contestant is missing' : ratioText(value);
    print(`${outcome === 'missed' ? 'REGRESSED' : outcome === 'met' ? 'ok' : 'open'}  ${target.says}: ${told}`);
  }
  return verdicts.every(({ outcome }) => outcome !== 'missed');
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}
