/**
 * How long an all-reduce takes on paper, in the alpha-beta model with one port (Thakur, Rabenseifner and Gropp,
 * "Optimization of Collective Communication Operations in MPICH", 2005, section 3): a message of n bytes costs
 * alpha + n / beta; a machine sends one message at a time and receives one at a time, both at once. Additions are not
 * counted: they overlap with the wire.
 *
 * `star`: every worker sends its gradient to the coordinator and gets the sum back. `mesh`: every worker owns a slice,
 * gets that slice of all others (reduce-scatter) and sends its sum to all others (all-gather).
 */
import { invariant } from '@lockstep/config';

export interface Link {
  /** Seconds a message costs however short it is. */
  readonly alphaSeconds: number;
  /** Bytes a second, each way. */
  readonly bytesPerSecond: number;
}

export interface AllReduceShape {
  readonly workers: number;
  /** Numbers in one gradient. */
  readonly values: number;
  /** Of one number on the wire: 4 for float32, 2 for bfloat16. */
  readonly bytesPerValue: number;
  /** Pieces into which a gradient is cut, so that the first piece goes back while the last one still comes; 1: none. */
  readonly chunks?: number;
}

export type Topology = 'star' | 'mesh';

/** Seconds from the first byte sent until the last worker holds the sum. One worker alone has nothing to send. */
export function allReduceSeconds(topology: Topology, shape: AllReduceShape, link: Link): number {
  const { workers, values, bytesPerValue, chunks = 1 } = shape;
  for (const count of [workers, values, bytesPerValue, chunks]) {
    invariant(Number.isInteger(count) && count > 0, `${count} is no count of workers, values, bytes or chunks`);
  }
  if (workers === 1) return 0;
  const seconds = (values * bytesPerValue) / link.bytesPerSecond;
  if (topology === 'star') {
    // The coordinator's port carries all: what it sends trails what it receives by one chunk.
    return workers * (chunks * link.alphaSeconds + seconds) * (1 + 1 / chunks);
  }
  // Both halves leave by the same port, so that chunks gain nothing.
  return 2 * (workers - 1) * (link.alphaSeconds + seconds / workers);
}

export interface Crossing {
  readonly workers: number;
  /** Seconds of an all-reduce by topology and bytes a value. */
  readonly seconds: readonly {
    readonly topology: Topology;
    readonly bytesPerValue: number;
    readonly seconds: number;
  }[];
  /** The one of float32 that takes less. */
  readonly fastest: Topology;
}

const WIRES = [4, 2] as const;
const TOPOLOGIES = ['star', 'mesh'] as const;

/** What is faster at how many workers: powers of two from 2 to `workersMax`. */
export function crossovers(values: number, link: Link, options: { workersMax: number; chunks: number }): Crossing[] {
  const rows: Crossing[] = [];
  for (let workers = 2; workers <= options.workersMax; workers *= 2) {
    const seconds = WIRES.flatMap((bytesPerValue) =>
      TOPOLOGIES.map((topology) => {
        const shape = { workers, values, bytesPerValue, chunks: options.chunks };
        return { topology, bytesPerValue, seconds: allReduceSeconds(topology, shape, link) };
      }),
    );
    rows.push({ workers, seconds, fastest: seconds[1].seconds < seconds[0].seconds ? 'mesh' : 'star' });
  }
  return rows;
}

/**
 * Steps a second of `workers` equal machines that share one batch: the computation is divided, the all-reduce is
 * not hidden behind it.
 * @param stepSeconds of one machine alone
 */
export function projectedStepsPerSecond(stepSeconds: number, shape: AllReduceShape, link: Link): number {
  const communication = Math.min(...TOPOLOGIES.map((topology) => allReduceSeconds(topology, shape, link)));
  return 1 / (stepSeconds / shape.workers + communication);
}
