/**
 * Checks values against an options table; what yargs cannot say (ranges, whole numbers) is said here, once, for
 * every source.
 */
import { z } from 'zod';
import { CADENCE_WANTED, readCadence } from './cadence.js';
import { LockstepError } from './errors.js';
import type { NumberOption, Option, OptionTable, OptionValues } from './option-types.js';
import { flagName } from './option-types.js';

/** Without the difference to UTC it would mean another moment on each machine. */
const moment = z.iso.datetime({ offset: true });
const TIME_WANTED = 'a time such as 2031-05-01T08:00Z or 2031-05-01T10:00+02:00';

function numberRange(option: NumberOption): string {
  const parts = [
    option.min === undefined ? '' : `at least ${option.min}`,
    option.above === undefined ? '' : `greater than ${option.above}`,
    option.max === undefined ? '' : `at most ${option.max}`,
    option.below === undefined ? '' : `less than ${option.below}`,
  ].filter((part) => part !== '');
  const kind = option.type === 'integer' ? 'a whole number' : 'a number';
  return parts.length === 0 ? kind : `${kind}, ${parts.join(' and ')}`;
}

function numberFits(option: NumberOption, value: number): boolean {
  return (
    Number.isFinite(value) &&
    (option.type === 'number' || Number.isSafeInteger(value)) &&
    (option.min === undefined || value >= option.min) &&
    (option.max === undefined || value <= option.max) &&
    (option.above === undefined || value > option.above) &&
    (option.below === undefined || value < option.below)
  );
}

/** What the option wants, in words, when `value` does not fit; undefined when it fits. */
function misfit(option: Option, value: unknown): string | undefined {
  switch (option.type) {
    case 'integer':
    case 'number':
      return typeof value === 'number' && numberFits(option, value) ? undefined : numberRange(option);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'cadence':
      return readCadence(value) === undefined ? CADENCE_WANTED : undefined;
    case 'time':
      return moment.safeParse(value).success ? undefined : TIME_WANTED;
    case 'strings':
      return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && item !== '')
        ? undefined
        : 'one or more values';
    case 'string':
      if (typeof value !== 'string' || value === '') return 'a value';
      return option.choices === undefined || option.choices.includes(value)
        ? undefined
        : `one of ${option.choices.join(', ')}`;
  }
}

/** Where values come from: how an option is called there, and what kind of failure a wrong one is. */
export interface ValueSource {
  readonly kind: 'usage' | 'config';
  readonly nameOf: (option: string) => string;
}

const COMMAND_LINE: ValueSource = { kind: 'usage', nameOf: (option) => `--${flagName(option)}` };

/** A number that was not one is no longer what the user wrote, so it is not repeated. */
function quoted(value: unknown): string {
  return typeof value === 'number' && Number.isNaN(value)
    ? 'is not a number'
    : `${JSON.stringify(value)} is not usable`;
}

/**
 * Picks the table's options out of parsed values.
 * @throws LockstepError naming the option as its source calls it, the value and what it wants
 */
export function checkOptions<T extends OptionTable>(
  table: T,
  values: Readonly<Record<string, unknown>>,
  source: ValueSource = COMMAND_LINE,
): OptionValues<T> {
  const checked: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined) continue;
    if (Array.isArray(value) && option.type !== 'strings') {
      throw new LockstepError(source.kind, `${source.nameOf(name)} is given ${value.length} times`, 'give it once');
    }
    const wanted = misfit(option, value);
    if (wanted !== undefined) {
      throw new LockstepError(source.kind, `${source.nameOf(name)} ${quoted(value)}`, `give ${wanted}`);
    }
    checked[name] = value;
  }
  return checked as OptionValues<T>;
}
