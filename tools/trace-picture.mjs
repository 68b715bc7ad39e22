/**
 * Draws some steps of a profile as an SVG, for a page that cannot hold Perfetto:
 * `node tools/trace-picture.mjs TRACE FIRST_STEP LAST_STEP > PICTURE.svg`
 */
import { readFileSync } from 'node:fs';

const [path, first, last] = process.argv.slice(2);
if (path === undefined || first === undefined || last === undefined) {
  process.stderr.write('usage: node tools/trace-picture.mjs TRACE FIRST_STEP LAST_STEP\n');
  process.exit(64);
}

const LEFT = 130;
const WIDTH = 900;
const ROW = 22;
const TITLE = 26;
/** By category of the events, in the order of the legend. */
const COLOURS = {
  step: '#8b93a3',
  data: '#c9a227',
  dispatch: '#d98e4a',
  compute: '#4f8f5b',
  transfer: '#4d7fb8',
  reduce: '#8d62b5',
  apply: '#b85450',
  checkpoint: '#3f9c9c',
};

/**
 * @typedef {object} TraceEvent
 * @property {string} ph
 * @property {string} name
 * @property {keyof typeof COLOURS} cat
 * @property {number} pid
 * @property {number} tid
 * @property {number} ts
 * @property {number} dur
 * @property {{ name?: string, step?: number, sort_index?: number }} args
 */

/** @type {TraceEvent[]} */
const events = JSON.parse(readFileSync(path, 'utf8'));
const steps = events.filter(({ ph, name, args }) => {
  const { step = 0 } = args;
  return ph === 'X' && name === 'step' && step >= Number(first) && step <= Number(last);
});
const beginUs = Math.min(...steps.map(({ ts }) => ts));
// What follows the last step in the workers belongs to it: applying its update.
const endUs = Math.max(...steps.map(({ ts, dur }) => ts + dur)) + (steps[0]?.dur ?? 0) * 0.15;
const shown = events.filter(({ ph, cat, ts, dur }) => {
  return ph === 'X' && cat in COLOURS && ts + dur > beginUs && ts < endUs;
});

/** @param {number} us */
const x = (us) => LEFT + ((Math.min(Math.max(us, beginUs), endUs) - beginUs) / (endUs - beginUs)) * WIDTH;
const metadata = (/** @type {string} */ what) => events.filter(({ ph, name }) => ph === 'M' && name === what);
const escape = (/** @type {unknown} */ text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @type {string[]} */
const parts = [];
let y = TITLE + 8;
const order = new Map(metadata('process_sort_index').map(({ pid, args }) => [pid, Number(args.sort_index)]));
for (const process of metadata('process_name').sort((a, b) => (order.get(a.pid) ?? 0) - (order.get(b.pid) ?? 0))) {
  parts.push(`<text x="8" y="${y + 15}" class="h">${escape(process.args.name)}</text>`);
  y += TITLE;
  for (const thread of metadata('thread_name').filter(({ pid }) => pid === process.pid)) {
    const spans = shown.filter(({ tid }) => tid === thread.tid);
    if (spans.length === 0) continue;
    parts.push(`<text x="16" y="${y + 14}">${escape(thread.args.name)}</text>`);
    parts.push(`<rect x="${LEFT}" y="${y}" width="${WIDTH}" height="${ROW - 4}" class="r"/>`);
    for (const { cat, ts, dur } of spans) {
      const width = Math.max(1, x(ts + dur) - x(ts));
      const box = `x="${x(ts).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 4}"`;
      parts.push(`<rect ${box} fill="${COLOURS[cat]}"/>`);
    }
    y += ROW;
  }
}
const legend = Object.entries(COLOURS).map(([name, colour], index) => {
  const at = LEFT + index * 96;
  return `<rect x="${at}" y="8" width="12" height="12" fill="${colour}"/><text x="${at + 17}" y="18">${name}</text>`;
});
const scale = `${((endUs - beginUs) / 1000).toFixed(0)} ms from left to right`;
const size = `width="${LEFT + WIDTH + 12}" height="${y + 28}"`;
process.stdout.write(
  [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="Steps ${first} to ${last} of a profile">`,
    '<style>text{font:12px Helvetica,Arial,sans-serif;fill:#24292f}.h{font-weight:bold}.r{fill:#f0f2f5}</style>',
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    ...legend,
    ...parts,
    `<text x="${LEFT}" y="${y + 16}">${scale}</text>`,
    '</svg>\n',
  ].join('\n'),
);
