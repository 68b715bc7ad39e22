/**
 * Brings a clone to the point where it can run: packages installed from the lockfile, sources compiled. Does
 * nothing, in a few milliseconds, when both are in order. One process prepares at a time; the others wait for it.
 */
import { basename, join } from 'node:path';
import { run, runNode } from './command.mjs';
import { EXIT, Failure, explain } from './failure.mjs';
import { withLock } from './lock.mjs';
import {
  cacheFolder,
  hasOutputs,
  isBuilt,
  isInstalled,
  markInstalled,
  root,
  stampBuild,
  unmarkInstalled,
} from './stamps.mjs';

const INSTALL_DEADLINE_MS = 15 * 60_000;
const PING_DEADLINE_MS = 30_000;
const BUILD_DEADLINE_MS = 10 * 60_000;
/** Somebody else's install and build, each at its slowest. */
const LOCK_DEADLINE_MS = INSTALL_DEADLINE_MS + BUILD_DEADLINE_MS;

/** @typedef {import('./command.mjs').Ended} Ended */

/** Installs and builds what is missing or out of date. */
export async function prepare() {
  if (isInstalled() && isBuilt()) return;
  await locked(async () => {
    await installIfNeeded();
    if (!isBuilt()) await build();
  });
}

/** Installs what is missing; the build is left to the caller. */
export async function prepareInstall() {
  if (!isInstalled()) await locked(installIfNeeded);
}

/** Compiles the sources and type-checks the tests, whether or not anything has changed. */
export async function buildWithTests() {
  await locked(async () => {
    await build();
    await step('type-checking the tests, a quarter of a minute the first time', async () => {
      const ended = await compile(['test']);
      if (ended.exitCode !== 0) throw compileFailure('the tests do not type-check', ended);
    });
  });
}

/**
 * @template T
 * @param {() => Promise<T>} work
 */
function locked(work) {
  const onWait = (/** @type {string} */ holder) => say(`waiting for ${holder}, which is preparing this folder\n`);
  return withLock(join(cacheFolder, 'prepare.lock'), { deadlineMs: LOCK_DEADLINE_MS, onWait }, work);
}

async function installIfNeeded() {
  if (isInstalled()) return;
  await step('installing packages with npm ci, half a minute, longer on a slow network', async () => {
    await reachRegistry();
    unmarkInstalled();
    // What a user or an environment leaves out elsewhere (`NODE_ENV=production`) is needed here: the compiler.
    const ended = await npm(['ci', '--include=dev', '--include=optional'], INSTALL_DEADLINE_MS);
    if (ended.exitCode !== 0) {
      const what = `npm ci failed with exit code ${ended.exitCode}`;
      throw explain(what, ended.output, 'read the lines above, then try again');
    }
    markInstalled();
  });
}

/** Without a network npm ci tries for many minutes before it says so; one question settles it in a second. */
async function reachRegistry() {
  const ended = await npm(['ping', '--fetch-retries=0'], PING_DEADLINE_MS);
  if (ended.isTimedOut) throw explain('npm ping has no answer', 'ETIMEDOUT', '');
  // A mirror that answers, but not to a ping, is good enough.
  if (ended.exitCode === 0) return;
  const failure = explain('npm ping failed', ended.output, '');
  if (failure.exitCode === EXIT.unavailable && !/\bE4\d\d\b/.test(ended.output)) throw failure;
}

/**
 * Runs the npm that started this process, else the one on the PATH.
 * @param {string[]} args
 * @param {number} deadlineMs
 */
function npm(args, deadlineMs) {
  const path = process.env['npm_execpath'];
  const isNpm = path !== undefined && basename(path).startsWith('npm');
  const options = { cwd: root, deadlineMs };
  return isNpm ? runNode([path, ...args], options) : run('npm', args, options);
}

async function build() {
  await step('compiling, a quarter of a minute the first time', () =>
    stampBuild(async () => {
      // The compiler trusts its own notes and does not look whether an output is still there.
      const ended = await compile(hasOutputs() ? [] : ['--force']);
      if (ended.exitCode !== 0) throw compileFailure('the sources do not compile', ended);
    }),
  );
}

/** @param {string[]} args */
function compile(args) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  return runNode([compiler, '-b', ...args], { cwd: root, deadlineMs: BUILD_DEADLINE_MS });
}

/**
 * @param {string} what
 * @param {Ended} ended
 */
function compileFailure(what, { output }) {
  // TS5033 is a write that failed. Any other message may quote words like "network" from the sources.
  if (/TS5033/.test(output)) return explain(what, output, 'the compiler could not write its output');
  return new Failure(EXIT.internal, what, 'mend the errors above, or go back to a committed state', output);
}

/**
 * One line a step: what it is, then how long it took.
 * @param {string} what
 * @param {() => Promise<void>} work
 */
export async function step(what, work) {
  const startMs = performance.now();
  say(`${what} ... `);
  try {
    await work();
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
  process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`lockstep: ${text}`);
}
