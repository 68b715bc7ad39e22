/** The configuration of a run for people. */
import type { RunConfig } from '@lockstep/config';
import { basename } from 'node:path';
import { formatCount } from '../views/format.js';

export function configRows(config: RunConfig): readonly (readonly [name: string, value: string])[] {
  const { text, formatVersion: _, vocabularyDigest: __, ...rest } = config;
  const shown = {
    // Folders are the business of whoever started the run.
    text: text.sources.map((source) => basename(source)).join(', '),
    characters: formatCount(text.characters),
    ...rest,
    textSha256: text.sha256,
  };
  return Object.entries(shown).map(([name, value]) => [words(name), value === null ? '-' : String(value)]);
}

/** `batchSize` -> `batch size` */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
