/** What `npm run chaos` can be told. */
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  /** About how long the run without faults takes; the one with faults takes a little longer. */
  readonly minutes: number;
  /** One fault each so many seconds. */
  readonly everySeconds: number;
  /** Which fault when, whom it hits and for how long. */
  readonly seed: number;
  readonly preset: string;
  readonly engine: string;
  /** Kinds to choose from; all when empty. */
  readonly kinds: readonly string[];
  /** Where the figures go, as JSON; nowhere when empty. */
  readonly out: string;
}

const USAGE =
  'chaos [--minutes 10] [--every 10] [--seed N] [--preset small] [--engine wasm] [--kinds a,b] [--out FILE]';

/** @throws Error that says how to call it */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '10' },
      every: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      preset: { type: 'string', default: 'small' },
      engine: { type: 'string', default: 'wasm' },
      kinds: { type: 'string', default: '' },
      out: { type: 'string', default: '' },
    },
  });
  const positive = (name: 'minutes' | 'every'): number => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name} ${values[name]} is not above 0; ${USAGE}`);
    return value;
  };
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed} is not a whole number; ${USAGE}`);
  const { preset, engine, out } = values;
  const kinds = values.kinds.split(',').filter((kind) => kind !== '');
  return { minutes: positive('minutes'), everySeconds: positive('every'), seed, preset, engine, kinds, out };
}
