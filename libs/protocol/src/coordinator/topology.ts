/**
 * How the gradients of a step are summed. By the coordinator (`star`) all of them pass one machine, in and out; among
 * the workers (`mesh`) each sends and receives less than two vectors however many there are, for one more round of
 * messages. The times are those of the alpha-beta model (@lockstep/measure) and a latency for each round in which all
 * wait. The result has the same bits.
 */
import { allReduceSeconds } from '@lockstep/measure';
import { wireValueBytes } from '@lockstep/reduce';
import type { CoordinatorAction } from './events.js';
import { report } from './sending.js';
import { readyWorkers } from './state.js';
import type { CoordinatorState } from './state.js';

/** A message's way through two event loops, on a machine that computes meanwhile; and what one more message adds. */
const LATENCY_SECONDS = 0.002;
const MESSAGE_SECONDS = 0.000_1;
/** Taken before anything was measured: that of one gigabyte a second. */
const BYTES_PER_SECOND = 1e9;

/**
 * Seconds that it takes to sum the gradients; a worker alone has a way to the coordinator, and none to others. All wait
 * for the slowest once on each way.
 */
function sumSeconds(topology: 'star' | 'mesh', state: CoordinatorState, workers: number): number {
  const { gradientLength: values, wire } = state.settings;
  const link = { alphaSeconds: MESSAGE_SECONDS, bytesPerSecond: state.bytesPerSecond ?? BYTES_PER_SECOND };
  // Gradients go in the wire format, the mean comes back in float32: 4 or 3 bytes on average.
  const bytesPerValue = (wireValueBytes(wire) + Float32Array.BYTES_PER_ELEMENT) / 2;
  const shape = { workers, values, bytesPerValue };
  const rounds = (topology === 'star' ? 2 : 3) * LATENCY_SECONDS;
  if (workers === 1 && topology === 'star') return rounds + (2 * values * bytesPerValue) / link.bytesPerSecond;
  return rounds + allReduceSeconds(topology, shape, link);
}

interface Choice {
  readonly topology: 'star' | 'mesh';
  readonly why: string;
}

function choose(state: CoordinatorState, hidden: number, workers: number): Choice {
  const { settings, isMeshGivenUp, bytesPerSecond } = state;
  if (settings.topology === 'star') return { topology: 'star', why: 'as asked for' };
  if (isMeshGivenUp) return { topology: 'star', why: 'workers could not exchange gradients' };
  if (hidden > 0) return { topology: 'star', why: `${hidden} of ${workers} workers cannot be reached by others` };
  if (settings.topology === 'mesh') return { topology: 'mesh', why: 'as asked for' };
  const lengthBytes = settings.gradientLength * wireValueBytes(settings.wire);
  const rate = bytesPerSecond ?? BYTES_PER_SECOND;
  const star = sumSeconds('star', state, workers);
  const mesh = sumSeconds('mesh', state, workers);
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
