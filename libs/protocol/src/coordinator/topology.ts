/**
 * How the gradients of a step are summed. By the coordinator (`star`) all of them pass one machine, in and out; among
 * the workers (`mesh`) each sends and receives less than two vectors however many there are, for one more round of
 * messages. The times are those of the alpha-beta model (Hockney 1994): a latency for each round, and the bytes on the
 * busiest link over its bandwidth. The result has the same bits.
 */
import type { CoordinatorAction } from './events.js';
import { report } from './sending.js';
import { readyWorkers } from './state.js';
import type { CoordinatorState } from './state.js';

/** A message's way through two event loops, on a machine that computes meanwhile. */
const LATENCY_SECONDS = 0.002;
/** Taken before anything was measured: that of one gigabyte a second. */
const BYTES_PER_SECOND = 1e9;

/** Seconds that it takes to sum vectors of so many bytes by the coordinator. */
function starSeconds(workers: number, lengthBytes: number, bytesPerSecond: number): number {
  return 2 * LATENCY_SECONDS + (2 * workers * lengthBytes) / bytesPerSecond;
}

/** Seconds that it takes among the workers. */
function meshSeconds(workers: number, lengthBytes: number, bytesPerSecond: number): number {
  return 3 * LATENCY_SECONDS + (2 * (1 - 1 / workers) * lengthBytes) / bytesPerSecond;
}

interface Choice {
  readonly topology: 'star' | 'mesh';
  readonly why: string;
}

function choose(
  { settings, isMeshGivenUp, bytesPerSecond }: CoordinatorState,
  hidden: number,
  workers: number,
): Choice {
  if (settings.topology === 'star') return { topology: 'star', why: 'as asked for' };
  if (isMeshGivenUp) return { topology: 'star', why: 'workers could not exchange gradients' };
  if (hidden > 0) return { topology: 'star', why: `${hidden} of ${workers} workers cannot be reached by others` };
  if (settings.topology === 'mesh') return { topology: 'mesh', why: 'as asked for' };
  const lengthBytes = settings.gradientLength * Float32Array.BYTES_PER_ELEMENT;
  const rate = bytesPerSecond ?? BYTES_PER_SECOND;
  const star = starSeconds(workers, lengthBytes, rate);
  const mesh = meshSeconds(workers, lengthBytes, rate);
  const ms = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  const source = bytesPerSecond === null ? 'assumed' : 'measured';
  const why =
    `gradients of ${(lengthBytes / 1e6).toFixed(1)} MB, ${(rate / 1e6).toFixed(0)} MB/s ${source}, ` +
    `workers: ${workers}; a sum takes about ${ms(mesh)} by mesh, ${ms(star)} by star`;
  return { topology: mesh < star ? 'mesh' : 'star', why };
}

/** Decides for the step that begins; says so when it is not as for the step before. */
export function chooseTopology(state: CoordinatorState, out: CoordinatorAction[]): CoordinatorState {
  const ready = readyWorkers(state);
  const hidden = ready.filter(({ endpoint }) => endpoint === null).length;
  const { topology, why } = choose(state, hidden, ready.length);
  if (topology !== state.topology) report(out, { type: 'topology', topology, why });
  return { ...state, topology };
}

/** Remembers how fast a replica has reached a worker, all others that were on their way beside it included. */
export function measureTransfer(state: CoordinatorState, sinceMs: number, nowMs: number): CoordinatorState {
  const { settings, replica, workers } = state;
  const seconds = (nowMs - sinceMs) / 1000;
  if (replica === null || seconds <= 0) return state;
  const vectors = 1 + replica.slots.length;
  const beside = [...workers.values()].filter(({ status }) => status === 'syncing').length;
  const bytes = vectors * settings.gradientLength * Float32Array.BYTES_PER_ELEMENT * Math.max(1, beside);
  return { ...state, bytesPerSecond: bytes / seconds };
}
