/**
 * The shape of one row of an options table. A table is data: yargs, the environment, the config file and the README's
 * reference are all derived from it, so that an option cannot exist in one of them and be missing from another.
 */

interface OptionBase {
  /** One line, in the imperative, without a full stop. */
  readonly help: string;
  /** Heading under which help and README list it. */
  readonly group: string;
  /** Unit of a number, shown in help. */
  readonly unit?: string;
  /** What applies when nothing sets it, in words, when it is not a fixed value. */
  readonly defaultText?: string;
}

export interface NumberOption extends OptionBase {
  readonly type: 'number' | 'integer';
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
  /** The value must be greater than this. */
  readonly above?: number;
  /** The value must be less than this. */
  readonly below?: number;
}

export interface StringOption extends OptionBase {
  readonly type: 'string';
  readonly default?: string;
  readonly choices?: readonly string[];
}

export interface StringsOption extends OptionBase {
  readonly type: 'strings';
}

export interface BooleanOption extends OptionBase {
  readonly type: 'boolean';
  readonly default?: boolean;
}

/** How often something happens: a number of steps (`500`) or a time (`90s`, `10m`, `2h`). */
export interface CadenceOption extends OptionBase {
  readonly type: 'cadence';
  readonly default?: string;
}

/** A moment: date and time with the difference to UTC, as in ISO 8601. */
export interface TimeOption extends OptionBase {
  readonly type: 'time';
  readonly default?: string;
}

export type Option = NumberOption | StringOption | StringsOption | BooleanOption | CadenceOption | TimeOption;
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : O extends NumberOption
    ? number
    : O extends BooleanOption
      ? boolean
      : O extends StringsOption
        ? readonly string[]
        : O extends CadenceOption
          ? string | number
          : string;

/** What a user has set, by option name in camel case; absent means not set. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]?: ValueOf<T[K]> };

/** `batchSize` -> `batch-size` */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `batchSize` -> `LOCKSTEP_BATCH_SIZE` */
export function environmentName(name: string): string {
  return `LOCKSTEP_${flagName(name).replaceAll('-', '_').toUpperCase()}`;
}
