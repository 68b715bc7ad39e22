/**
 * One end of a link among workers: connects once, says who it is, and hears what the other end sends. Plain sockets
 * instead of ZeroMQ, because a gradient is the largest thing that moves: ZeroMQ hands every frame over as memory of its
 * own, whose allocation and release cost more than the way through the system; here the system writes into memory that
 * is used again.
 */
import { LIMITS } from '@lockstep/config';
import type { ClientEvent, Frames, PeerClient, RoomFor } from '@lockstep/runtime';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { parseDestination } from '../endpoint.js';
import { EventSlot } from '../event-slot.js';
import { CONNECT_TIMEOUT_MS, KEEPALIVE_IDLE_SECONDS, SILENCE_MS_MAX } from '../limits.js';
import { checkPeerId } from '../peer-id.js';
import { FrameReader } from './framing.js';
import { destinationOf, GREETING, lastWords, writeMessage } from './socket.js';
import type { PeerClientOptions } from './socket.js';

const encoder = new TextEncoder();

/**
 * Starts connecting; `disconnected` is the last of its events, and nothing is tried again.
 * @throws LockstepError `usage` for a malformed endpoint
 */
export function connectPeerClient(options: PeerClientOptions): PeerClient {
  return new TcpPeerClient(options);
}

class TcpPeerClient implements PeerClient {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #roomFor: RoomFor = () => null;
  readonly #events = new EventSlot<ClientEvent>(() => undefined);

  constructor({ endpoint, peerId, maxFrameBytes }: PeerClientOptions) {
    const destination = destinationOf(parseDestination(endpoint));
    const greeting = [encoder.encode(GREETING), encoder.encode(checkPeerId(peerId))];
    const onMessage = (frames: Frames): void => this.#events.emit({ type: 'message', frames });
    this.#reader = new FrameReader(maxFrameBytes, onMessage, (before, lengthBytes) =>
      this.#events.isClosed ? null : this.#roomFor(before, lengthBytes),
    );
    const onread = { buffer: () => this.#reader.room(), callback: (count: number) => this.#arrived(count) };
    this.#socket = connect({ ...destination, onread });
    writeMessage(this.#socket, greeting);
    this.#socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_IDLE_SECONDS * 1000);
    // The other end pulses much more often than this.
    this.#socket.setTimeout(CONNECT_TIMEOUT_MS, () => this.#socket.destroy(new Error('it is silent')));
    this.#socket.on('connect', () => {
      this.#socket.setTimeout(SILENCE_MS_MAX);
      this.#events.emit({ type: 'connected' });
    });
    const reason = lastWords(this.#socket);
    this.#socket.on('close', () => this.#events.emit({ type: 'disconnected', reason: reason() }));
  }

  onEvent(handler: (event: ClientEvent) => void): void {
    this.#events.set(handler);
  }

  onRoom(handler: RoomFor): void {
    this.#roomFor = handler;
  }

  send(frames: Frames): void {
    if (!this.#socket.destroyed) writeMessage(this.#socket, frames);
  }

  async close(lingerMs: number): Promise<void> {
    this.#events.close();
    const deadline = setTimeout(() => this.#socket.destroy(), Math.min(lingerMs, LIMITS.lingerMs));
    if (!this.#socket.connecting && lingerMs > 0) this.#socket.end();
    else this.#socket.destroy();
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once('close', resolve));
    clearTimeout(deadline);
  }

  /** @returns whether to go on reading */
  #arrived(count: number): boolean {
    if (this.#events.isClosed) return true;
    try {
      this.#reader.filled(count);
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    return !this.#socket.destroyed;
  }
}
