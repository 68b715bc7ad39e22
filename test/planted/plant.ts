/**
 * A plugin that plants a bug while sources are compiled: the one that LOCKSTEP_PLANTED_BUG names. Every file that was
 * changed is added to the list in the file that LOCKSTEP_PLANTED_MARK names, so that nobody takes a bug for caught that
 * was never there.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vitest/config';
import { bugs } from './bugs.js';
import type { Change } from './bug.js';

export const root = join(import.meta.dirname, '../..');

/** @throws Error when the text to change is not there exactly once */
export function applyChange(text: string, { file, search, replace }: Change): string {
  const occurrences = text.split(search).length - 1;
  if (occurrences !== 1) throw new Error(`${file} has ${occurrences} times "${search}": the planted bug is stale`);
  return text.replace(search, () => replace);
}

export function plant(): Plugin {
  const name = process.env['LOCKSTEP_PLANTED_BUG'] ?? '';
  const mark = process.env['LOCKSTEP_PLANTED_MARK'] ?? '';
  const bug = bugs.find((one) => one.name === name);
  if (name !== '' && bug === undefined) throw new Error(`no bug is called "${name}"`);
  return {
    name: 'plant-bug',
    enforce: 'pre',
    transform(code, id) {
      const changes = bug?.changes.filter(({ file }) => id === join(root, file)) ?? [];
      if (changes.length === 0) return null;
      if (mark !== '') appendFileSync(mark, `${changes[0]?.file ?? ''}\n`);
      return { code: changes.reduce(applyChange, code), map: null };
    },
  };
}
