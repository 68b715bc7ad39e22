/**
 * `npm run simulate -- --seeds 2000 [--from N] [--jobs N]`: plays that many simulated clusters and prints what happened
 * in them. `npm run simulate -- --seed N [--events N]` plays one and prints its last events. Works from the sources:
 * they are put into one file first, so that a change needs no build.
 */
import './check-node.mjs';
import { mkdirSync, readFileSync, rmSync } from 'fs';
import { cpus } from 'os';
import { join } from 'path';
import { fileURLToPath } from 'url';
import { parseArgs } from 'util';

const { atExit, runNode } = await import('./command.mjs');
const { EXIT, Failure, printFailure } = await import('./failure.mjs');
const { prepareInstall } = await import('./prepare.mjs');
const { cacheFolder, root } = await import('./stamps.mjs');

const MAIN = fileURLToPath(new URL('../test/simulation/main.ts', import.meta.url));
const DEADLINE_MS = 24 * 3_600_000;
const EVENTS_SHOWN = 60;
const SEEDS_NAMED = 50;
const CONDITIONS = ['@lockstep/source', 'module', 'node', 'default'];

/**
 * @typedef {{ seeds: number, events: number, virtualMs: number, slowest: { seed: number, ms: number },
 *   wrongSeeds: number[], stories: string[], ends: [string, number][], tally: [string, number][] }} Share
 */

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = printFailure(error);
}

async function main() {
  const options = /** @type {const} */ ({
    seed: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(cpus().length) },
    events: { type: 'string', default: String(EVENTS_SHOWN) },
  });
  const { values } = parseArgs({ options });
  const folder = join(cacheFolder, `simulation-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  atExit(() => rmSync(folder, { recursive: true, force: true }));
  const program = await bundle(folder);
  if (values.seed !== undefined) {
    const args = [program, 'seed', whole('seed', values.seed), whole('events', values.events)];
    return (await runNode(args, { cwd: root, deadlineMs: DEADLINE_MS, show: true })).exitCode;
  }
  const seeds = Number(whole('seeds', values.seeds));
  const from = Number(whole('from', values.from));
  const jobs = Math.max(1, Number(whole('jobs', values.jobs)));
  const startMs = performance.now();
  const shares = await Promise.all(
    Array.from({ length: jobs }, (_, job) =>
      runShare(program, [from + job, from + seeds, jobs], join(folder, `${job}`)),
    ),
  );
  return printSummary(shares, performance.now() - startMs);
}

/**
 * @param {string} name
 * @param {string} text
 */
function whole(name, text) {
  if (/^\d+$/.test(text)) return text;
  throw new Failure(EXIT.usage, `--${name} ${text} is no whole number`, 'give one, as in --seeds 2000', '');
}

/**
 * All of the simulation and of the libraries' sources in one file.
 * @param {string} outDir
 */
async function bundle(outDir) {
  await prepareInstall();
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: CONDITIONS },
    ssr: { noExternal: [/^@lockstep\//], resolve: { conditions: CONDITIONS } },
    build: { ssr: MAIN, outDir, target: 'node20', minify: false, emptyOutDir: false },
  });
  return join(outDir, 'main.js');
}

/**
 * @param {string} program
 * @param {number[]} range first seed, the one to end before, and the distance from one to the next
 * @param {string} resultPath
 * @returns {Promise<Share>}
 */
async function runShare(program, range, resultPath) {
  const args = [program, 'seeds', ...range.map(String), resultPath];
  const ended = await runNode(args, { cwd: root, deadlineMs: DEADLINE_MS });
  if (ended.exitCode === 0) return JSON.parse(readFileSync(resultPath, 'utf8'));
  throw new Failure(EXIT.internal, 'the simulation itself has failed', 'read the lines above', ended.output);
}

/**
 * @param {Share[]} shares
 * @param {number} realMs
 * @returns {number} the exit code
 */
function printSummary(shares, realMs) {
  const sum = (/** @type {'seeds' | 'events' | 'virtualMs'} */ name) => shares.reduce((all, one) => all + one[name], 0);
  const wrong = shares.flatMap(({ wrongSeeds }) => wrongSeeds).sort((a, b) => a - b);
  const seeds = sum('seeds');
  const [slowest] = shares.map((share) => share.slowest).sort((a, b) => b.ms - a.ms);
  const lines = [
    ...shares.flatMap(({ stories }) => stories),
    `${seeds} seeds in ${(realMs / 1000).toFixed(1)} s, ${((1000 * seeds) / realMs).toFixed(1)} a second`,
    `${sum('events')} events, ${(sum('virtualMs') / 3_600_000).toFixed(1)} hours of virtual time`,
    `whole again, the slowest (seed ${slowest?.seed}) took another ${((slowest?.ms ?? 0) / 1000).toFixed(1)} s`,
    'ends:',
    ...merged(shares.map(({ ends }) => ends)),
    'faults and what came of them:',
    ...merged(shares.map(({ tally }) => tally)),
    `${wrong.length} seeds went wrong${wrong.length === 0 ? '' : `: ${wrong.slice(0, SEEDS_NAMED).join(' ')}`}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return wrong.length === 0 ? 0 : 1;
}

/**
 * Counts of several shares, most frequent first.
 * @param {[string, number][][]} counts
 */
function merged(counts) {
  /** @type {Map<string, number>} */
  const all = new Map();
  for (const [what, times] of counts.flat()) all.set(what, (all.get(what) ?? 0) + times);
  return [...all].sort(([, a], [, b]) => b - a).map(([what, times]) => `${String(times).padStart(9)} ${what}`);
}
