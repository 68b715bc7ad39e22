/**
 * `npm test`: installs, compiles, fetches the native engines, lints and runs every test, and ends with a line of
 * counts in which build and lint are one test each. `npm test -- [vitest arguments]` runs vitest alone with these.
 * Two can run at once: each has a temporary folder of its own.
 */
import './check-node.mjs';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';

const { atExit, runNode } = await import('./command.mjs');
const { EXIT, Failure, printFailure } = await import('./failure.mjs');
const { buildWithTests, prepare, prepareInstall, step } = await import('./prepare.mjs');
const { root } = await import('./stamps.mjs');

const ENGINE_DEADLINE_MS = 10 * 60_000;
const LINT_DEADLINE_MS = 5 * 60_000;
const VITEST_DEADLINE_MS = 60 * 60_000;

/** @typedef {import('./test-reporter.mjs').Report} Report */

// A short name: the sockets of the tests lie below it, and their paths may have about 100 characters.
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'lockstep-')));
atExit(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));
const env = {
  // nx keeps a database in its folders: one for each of two runs at once.
  NX_WORKSPACE_DATA_DIRECTORY: join(temporary, 'nx-data'),
  NX_DAEMON: 'false',
};

try {
  const args = process.argv.slice(2);
  const report = args.length > 0 ? await runSome(args) : await runAll();
  process.exitCode = printSummary(report);
} catch (error) {
  process.exitCode = printFailure(error);
  process.stdout.write('0 passed, 1 failed\n');
}

/** @param {string[]} args for vitest */
async function runSome(args) {
  await prepare();
  return await runVitest(args);
}

async function runAll() {
  await prepareInstall();
  const build = await asTest('build', buildWithTests);
  await installEngines();
  const lint = await asTest('lint', runLint);
  const tests = await runVitest([]);
  return merge([build, lint, tests]);
}

/**
 * A step that counts as one test.
 * @param {string} name
 * @param {() => Promise<void>} work
 * @returns {Promise<Report>}
 */
async function asTest(name, work) {
  try {
    await work();
    return { passed: 1, failed: [], skipped: [] };
  } catch (error) {
    printFailure(error);
    return { passed: 0, failed: [name], skipped: [] };
  }
}

/** Without a native engine the tests that need it skip themselves; here is told why it is not there. */
async function installEngines() {
  for (const [engine, time] of [['onednn', 'seconds'], ['tensorflow', 'a minute or two']]) {
    try {
      await step(`checking the ${engine} engine, ${time} when it has to be fetched`, () => installEngine(engine));
    } catch (error) {
      printFailure(error);
    }
  }
}

/** @param {string} engine */
async function installEngine(engine) {
  const ended = await runNode(['apps/coordinator/bin/lockstep.mjs', 'engine', 'install', engine], {
    cwd: root,
    deadlineMs: ENGINE_DEADLINE_MS,
  });
  if (ended.exitCode === 0) return;
  const what = `the ${engine} engine could not be installed`;
  throw new Failure(ended.exitCode, what, 'the tests that need it are skipped', ended.output);
}

async function runLint() {
  await step('linting, half a minute', async () => {
    const linter = join(root, 'node_modules/eslint/bin/eslint.js');
    const ended = await runNode([linter, '.', '--max-warnings=0'], { cwd: root, deadlineMs: LINT_DEADLINE_MS, env });
    if (ended.exitCode === 0) return;
    const hint = 'run `npm run lint` for the whole list';
    throw new Failure(EXIT.internal, 'the linter found something', hint, ended.output);
  });
}

/**
 * @param {string[]} args
 * @returns {Promise<Report>}
 */
async function runVitest(args) {
  const file = join(temporary, 'report.json');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'tools/test-reporter.mjs')}`];
  const ended = await runNode([vitest, 'run', ...reporters, ...args], {
    cwd: root,
    deadlineMs: VITEST_DEADLINE_MS,
    show: true,
    // What tests leave behind when they are killed goes with the rest.
    env: { ...env, TMPDIR: temporary, LOCKSTEP_TEST_REPORT: file },
  });
  /** @type {Report} */
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: [], skipped: [] };
  if (ended.exitCode !== 0 && report.failed.length === 0) report.failed.push(`vitest (exit code ${ended.exitCode})`);
  return report;
}

/**
 * @param {Report[]} reports
 * @returns {Report}
 */
function merge(reports) {
  return {
    passed: reports.reduce((sum, { passed }) => sum + passed, 0),
    failed: reports.flatMap(({ failed }) => failed),
    skipped: reports.flatMap(({ skipped }) => skipped),
  };
}

/**
 * The last line is read by machines.
 * @param {Report} report
 * @returns {number} the exit code
 */
function printSummary({ passed, failed, skipped }) {
  const lines = [
    ...skipped.map(({ name, reason }) => `skipped: ${name}: ${reason}`),
    ...failed.map((name) => `failed: ${name}`),
    `${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed.length === 0 ? 0 : 1;
}
