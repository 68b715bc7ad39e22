/** Runs a suite with a bug planted, in a process of its own, and tells what its tests said. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Suite } from './bug.js';
import { root } from './plant.js';

const DEADLINE_MS = 120_000;
const CONFIG = fileURLToPath(new URL('./vitest.config.ts', import.meta.url));

export interface SuiteResult {
  readonly passed: number;
  /** What failed tests said. */
  readonly failures: readonly string[];
  /** Files whose tests could not even be collected. */
  readonly broken: readonly string[];
  /** Sources that were changed. */
  readonly planted: readonly string[];
  /** The end of what was printed. */
  readonly output: string;
}

/** Of vitest's JSON report, what is used here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly failureMessages: readonly string[] }[];
  }[];
}

/** @param bug the name of a bug; empty for none */
export async function runSuite({ files, tests }: Suite, bug: string): Promise<SuiteResult> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-planted-'));
  try {
    const [report, mark] = [join(folder, 'report.json'), join(folder, 'mark')];
    const args = [
      ...[join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', CONFIG],
      ...['--reporter=json', `--outputFile=${report}`, ...files],
      ...(tests === undefined ? [] : ['-t', tests]),
    ];
    const planting = { LOCKSTEP_PLANTED_BUG: bug, LOCKSTEP_PLANTED_MARK: mark };
    const output = await runNode(args, { ...planting, CI: 'true', NO_COLOR: '1' });
    const planted = existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n') : [];
    return { ...read(report), planted: [...new Set(planted)], output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(path: string): Pick<SuiteResult, 'passed' | 'failures' | 'broken'> {
  if (!existsSync(path)) return { passed: 0, failures: [], broken: ['there is no report'] };
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Report;
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: results.filter(({ status }) => status === 'passed').length,
    failures: results.filter(({ status }) => status === 'failed').map((result) => result.failureMessages.join('\n')),
    broken: testResults
      .filter((file) => file.assertionResults.length === 0)
      .map(({ name, message }) => `${name}: ${message}`),
  };
}

function runNode(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, timeout: DEADLINE_MS });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', () => resolve(output));
  });
}
