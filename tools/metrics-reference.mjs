/**
 * Writes docs/metrics.md from the catalogue in libs/metrics. `npm run docs` rewrites the file; with `--check`, it only
 * says whether the file is up to date, which a test asks.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE, PREFIX } from '@lockstep/metrics';
import { root } from './stamps.mjs';

/** @typedef {import('@lockstep/metrics').Metric} Metric */

const PAGE = join(root, 'docs', 'metrics.md');

/** @param {[string, Metric]} entry */
function row([name, { type, unit, labels, on, help }]) {
  const all = Object.entries(labels).map(([label, values]) => describe(label, values));
  return `| \`${PREFIX}${name}\` | ${type} | ${unit} | ${all.join('; ')} | ${on.join(', ')} | ${help} |`;
}

/**
 * @param {string} label
 * @param {Metric['labels'][string]} values
 */
function describe(label, values) {
  if (values === 'slot') return `\`${label}\`: slot`;
  return values === 'text' ? `\`${label}\`` : `\`${label}\`: ${values.join(', ')}`;
}

const page = [
  '# Metrics',
  '',
  '<!-- written by npm run docs, from libs/metrics/src/catalogue.ts -->',
  '',
  'What `/metrics` of a coordinator and of a worker has. Every series also carries `run`, the id of its run; `worker`',
  'is the slot of a worker, a small number that `lockstep status` shows, and a worker that has gone takes its series',
  'along. Counters are there from the start, with 0; a gauge that nobody has measured yet is not there. Beside them',
  'are the process metrics of prom-client (`process_*`, `nodejs_*`). [monitoring.md](monitoring.md) says how to look.',
  '',
  '| metric | type | unit | labels | on | how to read it |',
  '|---|---|---|---|---|---|',
  ...Object.entries(CATALOGUE).map(row),
  '',
].join('\n');

if (process.argv.includes('--check')) {
  if (!existsSync(PAGE) || readFileSync(PAGE, 'utf8') !== page) {
    process.stderr.write('docs/metrics.md is out of date: run npm run docs\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, page);
}
