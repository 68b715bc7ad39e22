/**
 * Writes docs/events.md and docs/events.schema.json from the schema of the events and from lines that real runs have
 * printed (docs/events.examples.ndjson). `npm run docs` writes them; with `--check`, it only says whether they are up
 * to date, which a test asks.
 */
import { EVENTS_CONTRACT, eventsJsonSchema, recordStampJsonSchema, runEventSchema } from 'lockstep';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './stamps.mjs';

/**
 * A part of a JSON schema.
 * @typedef {{
 *   type?: string | readonly string[],
 *   const?: unknown,
 *   enum?: readonly unknown[],
 *   description?: string,
 *   unit?: string,
 *   anyOf?: readonly Node[],
 *   oneOf?: readonly Node[],
 *   properties?: Record<string, Node>,
 *   items?: Node,
 *   required?: readonly string[],
 * }} Node
 */

const docs = (/** @type {string} */ name) => join(root, 'docs', name);
const SCHEMA = docs('events.schema.json');
const PAGE = docs('events.md');

/** @param {Node} node @returns {string} */
function typeOf(node) {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(' or ');
  if (node.type === 'array' && node.items !== undefined) return `list of ${typeOf(node.items)}`;
  return [node.type ?? 'any'].flat().join(' or ');
}

/**
 * @param {Node} node
 * @param {string} [prefix]
 * @returns {string[]}
 */
function rows(node, prefix = '') {
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    if (prefix === '' && name === 'event') return [];
    const optional = node.required?.includes(name) === true ? '' : ', may be missing';
    const { description = '', unit = '' } = field;
    const row = `| \`${prefix}${name}\` | ${typeOf(field)}${optional} | ${unit} | ${description} |`;
    return [row, ...rows(field, `${prefix}${name}.`)];
  });
}

/** @param {Node} node */
const table = (node) => ['| field | type | unit | meaning |', '|---|---|---|---|', ...rows(node), ''];

/** @returns {Map<string, string>} a line that a real run has printed, by event */
function examples() {
  const lines = readFileSync(docs('events.examples.ndjson'), 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => [runEventSchema.parse(JSON.parse(line)).event, line]));
}

/**
 * @param {Node} node
 * @param {Map<string, string>} lines
 */
function section(node, lines) {
  const name = String(node.properties?.['event']?.const);
  const example = lines.get(name);
  if (example === undefined) throw new Error(`docs/events.examples.ndjson has no example of ${name}`);
  return [`## ${name}`, '', node.description ?? '', '', ...table(node), '```json', example, '```', ''];
}

const schema = /** @type {Node} */ (eventsJsonSchema());
const variants = schema.oneOf ?? schema.anyOf ?? [];
const lines = examples();

const page = [
  '# Events',
  '',
  '<!-- Written by npm run docs, from apps/coordinator/src/train/event-schema.ts. -->',
  '',
  '`lockstep train --json` prints what happens as one JSON object a line on standard output, and nothing else. This',
  `page is the contract of these lines, \`${EVENTS_CONTRACT}\`. The same as a JSON Schema:`,
  '[events.schema.json](events.schema.json). `event` says what a line is about.',
  '',
  '- Within a version no event and no field changes its name, type or meaning, or goes. New ones may come: pass over',
  '  events and fields that you do not know.',
  '- Words in `text` and `detail`, and words that a table gives examples of, are for people; they may change.',
  '- Steps are counted from 1: step N leaves the weights behind that checkpoint `step-N` holds. Times are seconds.',
  '- A failure before the run begins, such as an option that makes no sense, is told on standard error only.',
  '- When nobody reads the lines, 10,000 wait; a `warning` then says how many were left out.',
  '',
  '## The event record',
  '',
  'The coordinator keeps all events but `step` in `events.ndjson` of the run directory, so that a person or a',
  'dashboard can look at them later. Each line has, beside the event, the fields below. It is a record for watching:',
  'the journal alone says what the run has done, and nothing in lockstep decides anything by the record. Each life of',
  'the coordinator appends to it. It is not flushed; what is repeated is told once a minute, with a count; at 16 MB it',
  'ends with a line that says so. Where the disk refuses it, the run warns once and goes on. A crash may leave a torn',
  'line where one life follows another. `coordinator` is there as `started` only, since nobody was there to write that',
  'it was lost.',
  '',
  ...table(/** @type {Node} */ (recordStampJsonSchema())),
  ...variants.flatMap((variant) => section(variant, lines)),
].join('\n');

const files = new Map([
  [PAGE, page],
  [SCHEMA, `${JSON.stringify(schema, null, 2)}\n`],
]);

for (const [path, text] of files) {
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`${path} is out of date: run npm run docs\n`);
    process.exitCode = 1;
  }
}
