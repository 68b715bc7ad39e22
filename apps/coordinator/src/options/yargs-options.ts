/**
 * From an options table to yargs. Defaults stay in the table: yargs must only report what was really given, so that
 * environment and file can fill in.
 */
import { environmentName, flagName } from '@lockstep/config';
import type { Option, OptionTable } from '@lockstep/config';
import type { Options } from 'yargs';

function describe(option: Option): string {
  const unit = 'unit' in option && option.unit !== undefined ? ` (${option.unit})` : '';
  return option.help + unit;
}

/** What help says about the default; empty for an option that is simply off. */
function defaultText(option: Option): string {
  if (option.defaultText !== undefined) return option.defaultText;
  return 'default' in option && option.default !== undefined && option.default !== false ? String(option.default) : '';
}

function toYargs(option: Option): Options {
  const common: Options = { describe: describe(option), group: option.group, requiresArg: option.type !== 'boolean' };
  const text = defaultText(option);
  if (text !== '') common.defaultDescription = text;
  switch (option.type) {
    case 'integer':
    case 'number':
      return { ...common, type: 'number' };
    case 'boolean':
      return { ...common, type: 'boolean', requiresArg: false };
    case 'strings':
      return { ...common, type: 'string', array: true };
    case 'cadence':
    case 'time':
      return { ...common, type: 'string' };
    case 'string':
      return { ...common, type: 'string', ...(option.choices === undefined ? {} : { choices: option.choices }) };
  }
}

/** Options of a command, keyed by flag. */
export function yargsOptions(table: OptionTable): Record<string, Options> {
  return Object.fromEntries(Object.entries(table).map(([name, option]) => [flagName(name), toYargs(option)]));
}

/**
 * Text of one value in the environment, as the option's type. Text that does not fit is passed on for the check to
 * refuse.
 */
function parseText(option: Option, text: string): unknown {
  switch (option.type) {
    case 'integer':
    case 'number':
      return text.trim() === '' ? text : Number(text);
    case 'boolean':
      return { true: true, '1': true, false: false, '0': false }[text] ?? text;
    case 'strings':
      return text.split(',');
    case 'string':
    case 'cadence':
    case 'time':
      return text;
  }
}

/** Values set by `LOCKSTEP_...` variables, for the options of a table. */
export function environmentValues(table: OptionTable, environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const text = environment[environmentName(name)];
    if (text !== undefined && text !== '') values[name] = parseText(option, text);
  }
  return values;
}
