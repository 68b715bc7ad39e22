/** One worker process: transport, compute thread and loop put together, and the ways in which such a process ends. */
import { LIMITS, LockstepError } from '@lockstep/config';
import { digestOf } from '@lockstep/reduce';
import { WorkerLoop } from '@lockstep/runtime';
import type { ClientTransport, PeerLinkMaker } from '@lockstep/runtime';
import { bindPeerServer, connectPeerClient, connectZeroMQClient, openSharedMemory } from '@lockstep/transport';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openFaultPoints } from './fault-points.js';
import { followParent } from './follow-parent.js';
import { LoggedCompute } from './logged-compute.js';
import { peerEndpoint } from './peer-address.js';
import { systemClock } from './system-clock.js';
import { ThreadCompute } from './thread-compute.js';
import type { WorkerLog } from './worker-log.js';
import { vitalsOf, WorkerObservatory } from './worker-observatory.js';

export interface WorkerProcessOptions {
  /** For example `tcp://10.0.0.1:5555`. */
  readonly coordinator: string;
  /** The only run to take part in; null takes whichever the coordinator leads. */
  readonly run: string | null;
  /** Name of this process incarnation, given by whoever starts it as its child; otherwise null. */
  readonly peer: string | null;
  /** Stays the same when the worker is started again: what its failures are counted by. */
  readonly name: string;
  /** Whoever started it starts it again when it fails. */
  readonly supervised: boolean;
  readonly gpuIndex: number;
  readonly connectDeadlineMs: number;
  /** How long to look for a coordinator that has been obeyed before. */
  readonly awayLimitMs: number;
  readonly softwareVersion: string;
  /** Where it serves metrics; null where it does not. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  readonly log: WorkerLog;
}

/**
 * The largest frame a worker accepts or sends. It is the gradient, whose size is not known before the welcome: 1 GiB
 * is that of 268 million weights, of which no step ends in any useful time. A lower bound would refuse real models, a
 * higher one only lets a stranger take more memory.
 */
const MAX_FRAME_BYTES = 2 ** 30;

/** What waits to be sent: a snapshot, which is three such vectors at most, and gradients. */
const SEND_QUEUE_BYTES_MAX = 5 * MAX_FRAME_BYTES;

/** A piece of a gradient is a 256th of it at most, or half a megabyte. */
const PIECE_BYTES_MAX = 2 ** 23;
/** What waits for one other worker is less than two vectors. */
const PIECES_QUEUE_BYTES_MAX = 2 * MAX_FRAME_BYTES;

/** The name of a worker that was given none: that of its machine, and of its card where it was given one. */
export function defaultWorkerName(gpuIndex: number | undefined): string {
  return gpuIndex === undefined ? hostname() : `${hostname()}/gpu-${gpuIndex}`;
}

/**
 * Works until the coordinator ends it, or until it is told to leave.
 * @throws LockstepError with the reason when it is refused, given up, cut off for too long or cannot compute
 */
export async function runWorkerProcess(options: WorkerProcessOptions): Promise<void> {
  const { coordinator, log } = options;
  const note = (what: string): void => log.note(what);
  const faultPoint = openFaultPoints(process.env, options.name);
  faultPoint?.('W0', {});
  const self = options.peer ?? randomUUID();
  const observatory =
    options.metrics === null
      ? null
      : new WorkerObservatory({ ...options.metrics, softwareVersion: options.softwareVersion });
  await observatory?.open();
  if (observatory !== null) note(`metrics at ${observatory.url ?? ''}metrics`);
  const bounds = { maxFrameBytes: MAX_FRAME_BYTES, sendQueue: { bytesMax: SEND_QUEUE_BYTES_MAX } };
  const transport = await connectZeroMQClient({ endpoint: coordinator, peerId: self, ...bounds });
  const maker: PeerLinkMaker = {
    bind: async () => {
      const endpoint = await peerEndpoint(coordinator);
      return bindPeerServer({ endpoint, maxFrameBytes: PIECE_BYTES_MAX, queueBytesMax: PIECES_QUEUE_BYTES_MAX });
    },
    connect: (endpoint, peerId) => connectPeerClient({ endpoint, peerId, maxFrameBytes: PIECE_BYTES_MAX }),
  };
  const compute = new ThreadCompute(options.gpuIndex, options.name);
  const loop = new WorkerLoop(
    {
      transport,
      clock: systemClock,
      compute: new LoggedCompute(compute, log),
      digest: digestOf,
      note,
      lastLines: () => log.lastLines(),
      mesh: { maker, self, shared: openSharedMemory() },
      faultPoint,
      vitals: () => vitalsOf(observatory?.url ?? null),
      watch: observatory ?? undefined,
    },
    {
      coordinator,
      run: options.run,
      softwareVersion: options.softwareVersion,
      name: options.name,
      supervised: options.supervised,
      host: hostname(),
      pid: process.pid,
      connectDeadlineMs: options.connectDeadlineMs,
      // One on this machine is watched by whoever started both, who does not mind how busy or stopped it is.
      silenceLimitMs: options.peer === null ? LIMITS.peerSilenceMs : Infinity,
      awayLimitMs: options.awayLimitMs,
    },
  );
  process.on('SIGTERM', () => loop.requestLeave());
  if (options.peer === null) process.on('SIGINT', () => loop.requestLeave());
  else followParent({ note, reconnect: () => loop.nudge() });
  await conclude(loop, transport, compute, note).finally(() => observatory?.close());
}

async function conclude(
  loop: WorkerLoop,
  transport: ClientTransport,
  compute: ThreadCompute,
  note: (what: string) => void,
): Promise<void> {
  try {
    const outcome = await loop.run();
    if (outcome.result === 'failed') {
      throw new LockstepError(outcome.failure.kind, outcome.failure.what, outcome.failure.hint);
    }
    note(outcome.result === 'left' ? 'this worker has left the run' : `the run is ${outcome.result} for this worker`);
  } finally {
    await transport.close(LIMITS.lingerMs);
    await compute.close();
  }
}
