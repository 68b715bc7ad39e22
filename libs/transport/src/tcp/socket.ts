/** What both ends of a link among workers share. */
import { invariant } from '@lockstep/config';
import type { Frames, PeerId } from '@lockstep/runtime';
import type { Socket, TcpNetConnectOpts } from 'node:net';
import type { Endpoint } from '../endpoint.js';
import { checkMessage } from '../wire.js';
import { prefixOf } from './framing.js';

/** First frame of the first message that a client sends; its name is the second. */
export const GREETING = 'lockstep peer link 1';

export interface PeerServerOptions {
  /** `tcp://HOST:PORT`, with port 0 for a free one. */
  readonly endpoint: string;
  /** Largest frame in bytes that is sent or taken. */
  readonly maxFrameBytes: number;
  /** What waits for one peer; more ends its link. */
  readonly queueBytesMax: number;
}

export interface PeerClientOptions {
  readonly endpoint: string;
  readonly maxFrameBytes: number;
  /** Unique to this connection, printable ASCII. */
  readonly peerId: PeerId;
}

/** The frames are not copied: they must stay as they are until they are sent. */
export function writeMessage(socket: Socket, frames: Frames, maxFrameBytes = Infinity): void {
  checkMessage(frames, maxFrameBytes);
  socket.cork();
  socket.write(prefixOf(frames));
  for (const frame of frames) if (frame.byteLength > 0) socket.write(frame);
  socket.uncork();
}

/** @throws LockstepError `internal` for a path: links among workers have addresses */
export function destinationOf(endpoint: Endpoint): TcpNetConnectOpts {
  invariant(endpoint.scheme === 'tcp', 'workers link up by TCP');
  return { host: endpoint.host, port: endpoint.port };
}

/** Remembers why a socket ended; asked once it has. */
export function lastWords(socket: Socket): () => string {
  let words = 'its connection is closed';
  socket.on('error', (error) => {
    words = error.message === '' ? words : error.message;
  });
  return () => words;
}
