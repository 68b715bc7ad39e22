/**
 * Writes the tables of options in README.md from the tables in libs/config. `npm run docs` rewrites the file; with
 * `--check`, it only says whether the file is up to date, which a test asks.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BENCH_OPTIONS,
  COMPARE_OPTIONS,
  EVALUATE_OPTIONS,
  environmentName,
  flagName,
  MONITOR_OPTIONS,
  PRESETS,
  SAMPLE_OPTIONS,
  TRAIN_OPTIONS,
  VIEW_OPTIONS,
  WORKER_OPTIONS,
} from '@lockstep/config';
import { root } from './stamps.mjs';

/** @typedef {import('@lockstep/config').Option} Option */
/** @typedef {import('@lockstep/config').OptionTable} OptionTable */

const README = join(root, 'README.md');
const BEGIN = '<!-- options: written by npm run docs -->';
const END = '<!-- end of options -->';

/** @param {Option} option */
function defaultOf(option) {
  if (option.defaultText !== undefined) return option.defaultText;
  if (!('default' in option) || option.default === undefined) return '';
  return option.default === '\n' ? 'a line break' : `\`${String(option.default)}\``;
}

/** @param {Option} option */
function valuesOf(option) {
  if (option.type === 'string' && option.choices !== undefined) return option.choices.join(', ');
  const unit = 'unit' in option && option.unit !== undefined ? option.unit : '';
  return unit !== '' ? unit : option.type === 'boolean' ? '' : option.type === 'strings' ? 'paths' : option.type;
}

/**
 * @param {string} title
 * @param {OptionTable} table
 */
function section(title, table) {
  const rows = Object.entries(table).map(
    ([name, option]) => `| \`--${flagName(name)}\` | ${valuesOf(option)} | ${defaultOf(option)} | ${option.help} |`,
  );
  return [`#### ${title}`, '', '| option | value | default | meaning |', '|---|---|---|---|', ...rows, ''];
}

function presets() {
  const rows = Object.entries(PRESETS).map(([name, preset]) => {
    const duration = 'epochs' in preset ? `${preset.epochs} epochs` : `${preset.steps} steps`;
    const wasm = 'wasmSteps' in preset ? ` (${preset.wasmSteps} on the embedded engine)` : '';
    const { batchSize, sequenceLength, embedding, units } = preset;
    return `| \`${name}\` | ${batchSize} x ${sequenceLength} | ${embedding} | ${units} | ${duration}${wasm} |`;
  });
  const head = ['| preset | batch x characters | embedding | GRU units | duration |', '|---|---|---|---|---|'];
  return ['#### Presets', '', ...head, ...rows, ''];
}

function reference() {
  return [
    BEGIN,
    '',
    ...section('lockstep train', TRAIN_OPTIONS),
    ...presets(),
    ...section('lockstep worker', WORKER_OPTIONS),
    ...section('lockstep sample', SAMPLE_OPTIONS),
    ...section('lockstep evaluate', EVALUATE_OPTIONS),
    ...section('lockstep view', VIEW_OPTIONS),
    ...section('lockstep compare', COMPARE_OPTIONS),
    ...section('lockstep monitor', MONITOR_OPTIONS),
    ...section('lockstep bench', BENCH_OPTIONS),
    `Every option can be set by a variable named after it, such as \`${environmentName('batchSize')}\`; lists are`,
    'separated by commas. `LOCKSTEP_CONFIG` names a config file, `LOCKSTEP_CACHE` the folder that holds engines.',
    'Those of `lockstep train` can also stand in a JSON file given with `--config`.',
    '',
    END,
  ].join('\n');
}

const before = readFileSync(README, 'utf8');
const begin = before.indexOf(BEGIN);
const end = before.indexOf(END);
if (begin === -1 || end < begin) throw new Error(`${README} has lost the marks around its options`);
const after = before.slice(0, begin) + reference() + before.slice(end + END.length);
if (process.argv.includes('--check')) {
  if (after !== before) {
    process.stderr.write('the options in README.md are out of date: run npm run docs\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(README, after);
}
