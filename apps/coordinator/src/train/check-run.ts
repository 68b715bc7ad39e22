/**
 * A run that goes on must find what its last life left, as it was. What is altered or missing is named before
 * anything is written: computing on would give other numbers, silently where no step is computed again.
 */
import { listCheckpoints, readHistory, readRunOptions } from '@lockstep/checkpoint';
import { LockstepError, flagName } from '@lockstep/config';
import type { RunConfig } from '@lockstep/config';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from './quote.js';
import type { RunDirectory } from './run-directory.js';

/**
 * The journal is there before the first checkpoint is written, so a checkpoint without one has lost it.
 * @throws LockstepError `data` naming the journal
 */
export async function checkHasJournal({ path, paths }: RunDirectory): Promise<void> {
  const newest = (await listCheckpoints(paths.checkpoints)).at(-1);
  if (newest === undefined || (existsSync(paths.journal) && statSync(paths.journal).size > 0)) return;
  const state = existsSync(paths.journal) ? 'is empty' : 'is missing';
  const what = `${paths.journal} ${state}, while there is a checkpoint of step ${newest.step}`;
  const hint = `put it back from a copy, or begin a new run from these weights with --init-from ${quote(path)}`;
  throw new LockstepError('data', what, `${hint}; nothing was changed`);
}

/**
 * Nobody may hold the weights of a run that is taken up by a person: without a checkpoint there is nothing to go on
 * from. A run without steps has lost nothing that its seed does not give back.
 * @throws LockstepError `data` saying what is missing and how to begin the run anew
 */
export async function checkHasCheckpoints({ path, paths }: RunDirectory): Promise<void> {
  if (!existsSync(paths.journal) || (await listCheckpoints(paths.checkpoints)).length > 0) return;
  const { length } = (await readHistory(paths.journal)).steps;
  if (length === 0) return;
  const state = existsSync(paths.checkpoints) ? 'holds no checkpoint' : 'is missing';
  const { runId: _, ...options } = await readRunOptions(path);
  const words = Object.entries(options).flatMap(([name, value]) => [`--${flagName(name)}`, ...wordsOf(value)]);
  const what = `${paths.checkpoints} ${state}, while the journal has ${length} steps`;
  const hint = `put it back from a copy; nothing was changed; or begin the run anew: lockstep train ${words.join(' ')}`;
  throw new LockstepError('data', what, hint);
}

/** The value of an option as one would type it. */
function wordsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(wordsOf);
  return value === true ? [] : [quote(String(value))];
}

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
  const values = names.map((name) => `${name} is ${now.get(name) ?? 'missing'}, it was ${before.get(name) ?? 'unset'}`);
  const what = `${paths.config} is not what the run was computed with: ${values.join('; ')}`;
  const manifest = join(newest.path, 'manifest.json');
  const hint = `${manifest} has the old values: put them back, or begin a new run; nothing was changed`;
  throw new LockstepError('data', what, hint);
}

/** Every value that is no object, as JSON, by its name with those of the objects around it. */
function fieldsOf(value: unknown, name = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[name, JSON.stringify(value)]]);
  const inner = Object.entries(value).map(([key, item]) => fieldsOf(item, name === '' ? key : `${name}.${key}`));
  return new Map(inner.flatMap((fields) => [...fields]));
}
