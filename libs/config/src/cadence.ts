/**
 * How often a checkpoint is written: every so many steps, or every so many seconds, minutes or hours. Steps are exact
 * and repeat from run to run; time bounds what a run can lose, whatever a step takes.
 */
import { invariant } from './errors.js';

export type Cadence = { readonly steps: number } | { readonly ms: number };

const MS_OF_UNIT = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const TIME = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/;
const STEPS = /^\d{1,9}$/;
/** More often a run would do nothing but write. */
const MS_MIN = 1_000;
/** What a timer can hold, and longer than anybody would want to lose. */
const MS_MAX = 7 * 24 * 3_600_000;

export const CADENCE_WANTED = 'a number of steps, such as 500, or a time of 1s to 168h, such as 90s or 10m';

/** The cadence a value means; undefined when it means none. */
export function readCadence(value: unknown): Cadence | undefined {
  if (typeof value === 'number') return readCadence(String(value));
  if (typeof value !== 'string') return undefined;
  if (STEPS.test(value)) return Number(value) === 0 ? undefined : { steps: Number(value) };
  const [, amount, unit] = TIME.exec(value) ?? [];
  if (amount === undefined || !(unit === 's' || unit === 'm' || unit === 'h')) return undefined;
  const ms = Number(amount) * MS_OF_UNIT[unit];
  return ms < MS_MIN || ms > MS_MAX ? undefined : { ms };
}

/** The cadence of a value that has been checked. */
export function parseCadence(value: string | number): Cadence {
  const cadence = readCadence(value);
  invariant(cadence !== undefined, `${value} is a cadence`);
  return cadence;
}
