/**
 * Collects what the user has set, strongest first: command line, `LOCKSTEP_...` variables, the file given with
 * `--config`.
 */
import { checkOptions, environmentName, flagName, LockstepError } from '@lockstep/config';
import type { OptionTable, OptionValues } from '@lockstep/config';
import { readFile } from 'node:fs/promises';
import { environmentValues } from './yargs-options.js';

/** JSON object whose keys are option names, written as on the command line or in camel case. */
async function fileValues(table: OptionTable, path: string): Promise<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('config', `cannot read the config file ${path}: ${reason}`, 'give a JSON file', { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new LockstepError('config', `the config file ${path} holds no JSON object`, 'write {"batch-size": 64, ...}');
  }
  const names = new Map(
    Object.keys(table).flatMap((name) => [
      [name, name],
      [flagName(name), name],
    ]),
  );
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => {
      const name = names.get(key);
      if (name !== undefined) return [name, typeof value === 'string' && isList(table, name) ? [value] : value];
      throw new LockstepError(
        'config',
        `the config file ${path} sets ${key}, which is no option`,
        'see lockstep train --help',
      );
    }),
  );
}

function isList(table: OptionTable, name: string): boolean {
  return table[name]?.type === 'strings';
}

/**
 * @param argv what yargs parsed, camel-cased keys included
 * @throws LockstepError `usage` or `config` naming the option that does not fit, and where it was set
 */
export async function gatherValues<T extends OptionTable>(
  table: T,
  argv: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
): Promise<OptionValues<T>> {
  const given = typeof argv['config'] === 'string' ? argv['config'] : environment['LOCKSTEP_CONFIG'];
  const path = given ?? '';
  const file = path === '' ? {} : await fileValues(table, path);
  const typed = Object.fromEntries(Object.keys(table).map((name) => [name, argv[name]]));
  return {
    ...checkOptions(table, file, { kind: 'config', nameOf: (name) => `${flagName(name)} in ${path}` }),
    ...checkOptions(table, environmentValues(table, environment), { kind: 'usage', nameOf: environmentName }),
    ...checkOptions(table, typed),
  };
}
