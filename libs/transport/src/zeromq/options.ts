/** What both ends share: the caller's options, their defaults and the socket options that follow from them. */
import { invariant } from '@lockstep/config';
import type { PeerId } from '@lockstep/runtime';
import { context } from 'zeromq';
import type { SocketOptions, Router } from 'zeromq';
import {
  HANDSHAKE_TIMEOUT_MS,
  HIGH_WATER_MARK_MESSAGES,
  KEEPALIVE_COUNT,
  KEEPALIVE_IDLE_SECONDS,
  KEEPALIVE_INTERVAL_SECONDS,
  SILENCE_MS_MAX,
} from '../limits.js';
import type { OutboxBounds } from '../outbox.js';
import type { Endpoint } from '../endpoint.js';
import { needsIpv6 } from '../endpoint.js';

export interface ZeroMQOptions {
  /** `tcp://HOST:PORT` or `ipc://PATH`; a server takes port 0 (or `*`) for a free one. */
  readonly endpoint: string;
  /**
   * Largest frame in bytes, both ways: the largest gradient. A peer that sends a larger one is cut off before it is
   * read.
   */
  readonly maxFrameBytes: number;
  /** Bounds of what waits for one peer; defaults in limits.ts. */
  readonly sendQueue?: Partial<OutboxBounds>;
}

export interface ZeroMQClientOptions extends ZeroMQOptions {
  /** The routing id: unique to this process incarnation, printable ASCII. */
  readonly peerId: PeerId;
}

type CommonSocketOptions = Pick<
  SocketOptions<Router>,
  | 'linger'
  | 'maxMessageSize'
  | 'sendHighWaterMark'
  | 'receiveHighWaterMark'
  | 'tcpKeepalive'
  | 'tcpKeepaliveIdle'
  | 'tcpKeepaliveInterval'
  | 'tcpKeepaliveCount'
  | 'tcpMaxRetransmitTimeout'
  | 'handshakeInterval'
  | 'ipv6'
>;

/**
 * Socket options of both ends. `linger` stays 0 while the transport is open, so that an exit without `close` never
 * hangs.
 */
export function commonSocketOptions(options: ZeroMQOptions, endpoint: Endpoint): CommonSocketOptions {
  invariant(Number.isSafeInteger(options.maxFrameBytes) && options.maxFrameBytes > 0, 'maxFrameBytes must be positive');
  // Without this, closing the context at process exit waits for ever for unsent messages.
  context.blocky = false;
  return {
    linger: 0,
    maxMessageSize: options.maxFrameBytes,
    sendHighWaterMark: HIGH_WATER_MARK_MESSAGES,
    receiveHighWaterMark: HIGH_WATER_MARK_MESSAGES,
    // Not ZeroMQ's own heartbeats: with a low high-water mark libzmq 4.3.5 aborts the process ("!_io_error") when its
    // heartbeat timer fires for a peer that left while its messages waited to be read (libzmq issues 3937, 4364, 4767).
    // The kernel's means find the same dead machines.
    tcpKeepalive: 1,
    tcpKeepaliveIdle: KEEPALIVE_IDLE_SECONDS,
    tcpKeepaliveInterval: KEEPALIVE_INTERVAL_SECONDS,
    tcpKeepaliveCount: KEEPALIVE_COUNT,
    tcpMaxRetransmitTimeout: SILENCE_MS_MAX,
    handshakeInterval: HANDSHAKE_TIMEOUT_MS,
    ipv6: needsIpv6(endpoint),
  };
}
