/** One worker process: transport, compute thread and loop put together, and the ways in which such a process ends. */
import { LIMITS, LockstepError } from '@lockstep/config';
import { WorkerLoop } from '@lockstep/runtime';
import { connectZeroMQClient } from '@lockstep/transport';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock } from './system-clock.js';
import { ThreadCompute } from './thread-compute.js';

export interface WorkerProcessOptions {
  /** For example `tcp://10.0.0.1:5555`. */
  readonly coordinator: string;
  /** The only run to take part in; null takes whichever the coordinator leads. */
  readonly run: string | null;
  /** Name of this process incarnation, given by a coordinator that starts it as its child; otherwise null. */
  readonly peer: string | null;
  readonly gpuIndex: number;
  readonly connectDeadlineMs: number;
  readonly softwareVersion: string;
  readonly note: (what: string) => void;
}

/** The largest frame a worker accepts: one vector of the largest model that fits a message. */
const MAX_FRAME_BYTES = 2 ** 31;

/**
 * Works until the coordinator ends it.
 * @throws LockstepError with the reason when it is refused, dropped, cut off or cannot compute
 */
export async function runWorkerProcess(options: WorkerProcessOptions): Promise<void> {
  if (options.peer !== null) dieWithParent(options.note);
  const transport = await connectZeroMQClient({
    endpoint: options.coordinator,
    peerId: options.peer ?? randomUUID(),
    maxFrameBytes: MAX_FRAME_BYTES,
  });
  const { coordinator, run, softwareVersion, connectDeadlineMs, note } = options;
  // A coordinator on this machine is watched through the channel to it, which does not mind how busy or stopped it is.
  const silenceLimitMs = options.peer === null ? LIMITS.peerSilenceMs : Infinity;
  const compute = new ThreadCompute(options.gpuIndex);
  const loop = new WorkerLoop(
    { transport, clock: systemClock, compute, note },
    { coordinator, run, softwareVersion, host: hostname(), pid: process.pid, connectDeadlineMs, silenceLimitMs },
  );
  process.once('SIGTERM', () => loop.requestLeave());
  try {
    const outcome = await loop.run();
    if (outcome.result !== 'failed') {
      note(`the run is ${outcome.result} for this worker`);
      return;
    }
    throw new LockstepError(outcome.failure.kind, outcome.failure.what, outcome.failure.hint);
  } finally {
    await transport.close(LIMITS.lingerMs);
    await compute.close();
  }
}

/**
 * A worker that was started by a coordinator on this machine must not outlive it, however that one ends: the
 * channel between them breaks in any case. The engine may be in the middle of a long native call, so nothing
 * gentler than SIGKILL is sure to work.
 */
function dieWithParent(note: (what: string) => void): void {
  // Ctrl-C on a terminal, and its closing, reach the whole group; what they mean is decided by the coordinator.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  const die = (): void => {
    note('the coordinator that started this worker is gone');
    process.kill(process.pid, 'SIGKILL');
  };
  // It may have died before we came to look.
  if (!process.connected) die();
  process.on('disconnect', die);
  // Listening must not keep a worker alive that has nothing left to do.
  process.channel?.unref();
}
