/** What `doctor` asks of ZeroMQ: which one is loaded, and how fast this machine's loopback carries real messages. */
import { LockstepError, invariant } from '@lockstep/config';
import type { ClientTransport, ServerTransport } from '@lockstep/runtime';
import { capability, version } from 'zeromq';
import { LOOPBACK_DEADLINE_MS } from '../limits.js';
import { connectZeroMQClient } from './client.js';
import { bindZeroMQServer } from './server.js';

export interface ZeroMQFacts {
  /** Of the libzmq inside the binding. */
  readonly version: string;
  /** Whether it can encrypt. */
  readonly curve: boolean;
}

export function zeromqFacts(): ZeroMQFacts {
  return { version, curve: capability.curve === true };
}

export interface LoopbackOptions {
  /** Round trips of each kind to time; at least 1. */
  readonly rounds: number;
  /** Payload of the large messages in bytes. */
  readonly payloadBytes: number;
}

export interface LoopbackFigures {
  /** Median round trip of a one-byte message, in milliseconds. */
  readonly roundTripMs: number;
  /** Payload moved one way per second, from the median round trip of large messages, in 10^6 bytes. */
  readonly megabytesPerSecond: number;
}

/**
 * Sends messages to an echo over a real TCP connection on 127.0.0.1, both ends in this process.
 * @throws LockstepError `unavailable` when no connection comes up or the echoes take longer than the deadline in
 *   limits.ts
 */
export async function measureLoopback(options: LoopbackOptions): Promise<LoopbackFigures> {
  invariant(options.rounds >= 1 && options.payloadBytes >= 1, 'a loopback measurement needs a round and a payload');
  const maxFrameBytes = options.payloadBytes;
  const server = await bindZeroMQServer({ endpoint: 'tcp://127.0.0.1:0', maxFrameBytes });
  const client = await connectZeroMQClient({ endpoint: server.endpoint, peerId: 'loopback', maxFrameBytes });
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), LOOPBACK_DEADLINE_MS);
  });
  try {
    return await Promise.race([echo(server, client, options), deadline]);
  } finally {
    clearTimeout(timer);
    await Promise.all([client.close(0), server.close(0)]);
  }
}

async function echo(
  server: ServerTransport,
  client: ClientTransport,
  options: LoopbackOptions,
): Promise<LoopbackFigures> {
  let answered = (): void => undefined;
  server.onEvent((event) => {
    if (event.type === 'message') server.send(event.peer, event.frames);
  });
  client.onEvent((event) => {
    if (event.type === 'message') answered();
  });
  const roundTrip = async (payload: Uint8Array): Promise<number> => {
    const sentMs = performance.now();
    await new Promise<void>((resolve) => {
      answered = resolve;
      client.send([payload]);
    });
    return performance.now() - sentMs;
  };
  const medianOf = async (payload: Uint8Array): Promise<number> => {
    // The first one pays for the connection and for fresh memory.
    await roundTrip(payload);
    const times: number[] = [];
    for (let round = 0; round < options.rounds; round += 1) times.push(await roundTrip(payload));
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  };
  const roundTripMs = await medianOf(Uint8Array.of(1));
  const largeMs = await medianOf(new Uint8Array(options.payloadBytes).fill(1));
  return { roundTripMs, megabytesPerSecond: (2 * options.payloadBytes) / 1e6 / (largeMs / 1e3) };
}

function tooSlow(): LockstepError {
  const what = `messages over the loopback interface took longer than ${LOOPBACK_DEADLINE_MS / 1000} s`;
  return new LockstepError('unavailable', what, 'check whether a firewall or sandbox blocks TCP on 127.0.0.1');
}
