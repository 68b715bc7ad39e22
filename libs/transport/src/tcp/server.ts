/**
 * The other end of a link among workers: takes connections from those who want to hear, and sends to them. What they
 * send is small: their name, and that they are there.
 */
import { LIMITS } from '@lockstep/config';
import type { Frames, PeerId, PeerServer, ServerEvent } from '@lockstep/runtime';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connectable, formatEndpoint, parseEndpoint } from '../endpoint.js';
import { endpointError } from '../endpoint-error.js';
import { EventSlot } from '../event-slot.js';
import {
  HANDSHAKE_TIMEOUT_MS,
  KEEPALIVE_IDLE_SECONDS,
  PEER_LINKS_MAX,
  PEER_PULSE_MS,
  SILENCE_MS_MAX,
  SMALL_FRAME_BYTES_MAX,
} from '../limits.js';
import { isPeerId } from '../peer-id.js';
import { FrameReader, PULSE } from './framing.js';
import { destinationOf, GREETING, lastWords, writeMessage } from './socket.js';
import type { PeerServerOptions } from './socket.js';

const decoder = new TextDecoder();

/**
 * Binds an address and resolves once peers can connect.
 * @throws LockstepError `usage` for a malformed endpoint, `unavailable` when the address is in use or not ours
 */
export async function bindPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const endpoint = parseEndpoint(options.endpoint);
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_IDLE_SECONDS * 1000 });
  server.maxConnections = PEER_LINKS_MAX;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(destinationOf(endpoint), resolve);
    });
  } catch (thrown) {
    throw endpointError('bind', options.endpoint, thrown);
  }
  return new TcpPeerServer(server, options);
}

class TcpPeerServer implements PeerServer {
  readonly endpoint: string;
  readonly #server: Server;
  readonly #options: PeerServerOptions;
  readonly #events: EventSlot<ServerEvent>;
  readonly #peers = new Map<PeerId, Socket>();
  readonly #sockets = new Set<Socket>();
  readonly #pulse: NodeJS.Timeout;

  constructor(server: Server, options: PeerServerOptions) {
    this.#server = server;
    this.#options = options;
    const { address, port } = addressOf(server);
    this.endpoint = formatEndpoint(connectable({ scheme: 'tcp', host: address, port }));
    this.#events = new EventSlot(() => undefined);
    server.on('connection', (socket) => this.#greet(socket));
    this.#pulse = setInterval(() => this.#pulseAll(), PEER_PULSE_MS);
  }

  onEvent(handler: (event: ServerEvent) => void): void {
    this.#events.set(handler);
  }

  send(peer: PeerId, frames: Frames): void {
    const socket = this.#peers.get(peer);
    if (socket === undefined) {
      // Never calls back into the caller.
      queueMicrotask(() => this.#events.emit({ type: 'gone', peer, reason: 'it is not connected' }));
      return;
    }
    writeMessage(socket, frames, this.#options.maxFrameBytes);
    if (socket.writableLength > this.#options.queueBytesMax) socket.destroy(new Error('it does not drain its queue'));
  }

  async close(lingerMs: number): Promise<void> {
    this.#events.close();
    clearInterval(this.#pulse);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const sockets = [...this.#sockets];
    const deadline = setTimeout(() => sockets.forEach((one) => one.destroy()), Math.min(lingerMs, LIMITS.lingerMs));
    for (const socket of sockets) {
      if (lingerMs > 0) socket.end();
      else socket.destroy();
    }
    await closed;
    clearTimeout(deadline);
  }

  /** Waits for the name of whoever has connected. */
  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    const reason = lastWords(socket);
    let name: PeerId | undefined;
    const reader = new FrameReader(SMALL_FRAME_BYTES_MAX, (frames) => {
      if (name !== undefined) this.#events.emit({ type: 'message', peer: name, frames });
      else name = this.#named(socket, frames);
    });
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => {
      // One that has nothing to take has nothing to acknowledge.
      if (name === undefined || socket.writableLength > 0) socket.destroy(new Error('it takes nothing'));
    });
    socket.on('data', (bytes) => {
      try {
        if (!socket.destroyed) reader.take(bytes);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (name === undefined || this.#peers.get(name) !== socket) return;
      this.#peers.delete(name);
      this.#events.emit({ type: 'gone', peer: name, reason: reason() });
    });
  }

  #named(socket: Socket, [greeting, given]: Frames): PeerId | undefined {
    const name = given === undefined ? '' : decoder.decode(given);
    if (greeting === undefined || decoder.decode(greeting) !== GREETING || !isPeerId(name) || this.#peers.has(name)) {
      socket.destroy(new Error('it is no peer'));
      return undefined;
    }
    socket.setTimeout(SILENCE_MS_MAX);
    this.#peers.set(name, socket);
    return name;
  }

  /** Behind what waits to be sent, a pulse would say nothing. */
  #pulseAll(): void {
    for (const socket of this.#peers.values()) if (socket.writableLength === 0) socket.write(PULSE);
  }
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address : { address: '', family: '', port: 0 };
}
