/** What `npm run bench` can be told. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PEER_NAMES } from './peers/peers.js';
import type { PeerName } from './peers/peers.js';

const SUITE_NAMES = ['step', 'workers', 'allreduce', 'path', 'scale', 'network', 'metrics', 'quality'] as const;
export type SuiteName = (typeof SUITE_NAMES)[number];
/** Run when none is named; the others take long. */
const DEFAULT_SUITES: readonly SuiteName[] = ['step', 'workers', 'allreduce', 'path', 'scale'];

const ROUNDS_MIN = 1;
const ROUNDS_DEFAULT = 7;

export interface BenchOptions {
  readonly suites: readonly SuiteName[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  /** A few ratios that need no download, held against bounds. */
  readonly quick: boolean;
  /** Takes the figures over into docs/benchmarks.json and writes docs/benchmarks.md from it. */
  readonly write: boolean;
  /** Where the figures go; in the cache folder when empty. */
  readonly out: string;
  /** A corpus for the suites that train on one. */
  readonly text: string | undefined;
}

const USAGE = `npm run bench -- [--suite ${SUITE_NAMES.join(',')}|none] [--peers ${PEER_NAMES.join(',')}|none]
  [--rounds ${ROUNDS_DEFAULT}] [--text FILE] [--quick] [--write] [--out FILE]`;

/** @throws Error that says how to call it */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      suite: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string', default: String(ROUNDS_DEFAULT) },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      out: { type: 'string', default: '' },
      text: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < ROUNDS_MIN) {
    throw new Error(`--rounds ${values.rounds} is no whole number of ${ROUNDS_MIN} or more; ${USAGE}`);
  }
  const { quick, write, out, text } = values;
  const suites = listed('suite', values.suite, SUITE_NAMES, DEFAULT_SUITES);
  if (suites.includes('quality') && text === undefined) {
    throw new Error(`--suite quality needs a corpus: --text FILE; ${USAGE}`);
  }
  return {
    suites,
    peers: listed('peers', values.peers, PEER_NAMES, PEER_NAMES),
    rounds,
    quick,
    write,
    out,
    // Contestants run in folders of their own.
    text: text === undefined ? undefined : resolve(text),
  };
}

/** Names separated by commas, each of them known; `none` is the empty list. */
function listed<T extends string>(
  option: string,
  value: string | undefined,
  known: readonly T[],
  otherwise: readonly T[],
): readonly T[] {
  if (value === undefined) return otherwise;
  if (value === 'none') return [];
  return value.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new Error(`--${option} ${name} is not one of ${known.join(', ')}; ${USAGE}`);
    return found;
  });
}
