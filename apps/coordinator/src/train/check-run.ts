/**
 * A run that goes on must find what its last life left, as it was. What is altered is named before anything is
 * written: computing on would give other numbers, silently where no step is computed again.
 */
import { listCheckpoints } from '@lockstep/checkpoint';
import { LockstepError } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { join } from 'node:path';
import type { RunDirectory } from './run-directory.js';

/**
 * Holds `config.json` against the newest checkpoint, whose manifest is sealed. Before the first checkpoint no step has
 * been made, and there is nothing to hold it against.
 * @throws LockstepError `data` naming each field that differs with both values
 */
export async function checkConfigUnaltered({ paths }: RunDirectory, config: RunConfig): Promise<void> {
  const newest = (await listCheckpoints(paths.checkpoints)).filter((entry) => 'manifest' in entry).at(-1);
  if (newest === undefined) return;
  const [now, before] = [fieldsOf(config), fieldsOf(newest.manifest.config)];
  const names = [...new Set([...before.keys(), ...now.keys()])].filter((name) => now.get(name) !== before.get(name));
  if (names.length === 0) return;
  const values = names.map(
    (name) => `${name} is ${now.get(name) ?? 'missing'}, it was ${before.get(name) ?? 'not there'}`,
  );
  const what = `${paths.config} is not what the run was computed with: ${values.join('; ')}`;
  const hint = `${join(newest.path, 'manifest.json')} has the old values: put them back, or begin a new run; nothing was changed`;
  throw new LockstepError('data', what, hint);
}

/** Every value that is no object, as JSON, by its name with those of the objects around it. */
function fieldsOf(value: unknown, name = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[name, JSON.stringify(value)]]);
  const inner = Object.entries(value).map(([key, item]) => fieldsOf(item, name === '' ? key : `${name}.${key}`));
  return new Map(inner.flatMap((fields) => [...fields]));
}
