/** Figures that are kept: docs/benchmarks.json holds the last of each suite, docs/benchmarks.md is written from it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/stamps.mjs';
import { renderDocument } from './document.js';
import type { Explanations } from './document.js';
import type { Results } from './results.js';

const FIGURES = join(root, 'docs/benchmarks.json');
const DOCUMENT = join(root, 'docs/benchmarks.md');
const EXPLANATIONS = join(root, 'test/bench/explanations.json');

/** Takes new figures over, each suite in place of its older one, and writes the page. */
export function keepFigures(results: Results): void {
  const kept = existsSync(FIGURES) ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as Results) : { suites: [] };
  const merged = mergeSuites(kept, results);
  writeFileSync(FIGURES, `${JSON.stringify(merged, null, 1)}\n`);
  writeFileSync(DOCUMENT, renderDocument(merged, JSON.parse(readFileSync(EXPLANATIONS, 'utf8')) as Explanations));
}

/** Suites keep their places; new ones come last. */
export function mergeSuites(kept: Results, results: Results): Results {
  const newer = new Map(results.suites.map((one) => [one.suite, one]));
  const known = new Set(kept.suites.map(({ suite }) => suite));
  const replaced = kept.suites.map((one) => newer.get(one.suite) ?? one);
  return { suites: [...replaced, ...results.suites.filter(({ suite }) => !known.has(suite))] };
}
