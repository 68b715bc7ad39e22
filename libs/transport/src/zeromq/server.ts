/**
 * The coordinator's end: one ROUTER socket, one bounded queue per peer, one pump.
 *
 * A peer is known from the first message of its connection (see wire.ts) until it is gone or dropped; what arrives
 * from anyone else is ignored. ROUTER does not say when a peer leaves, only that a send to it fails, so quiet peers
 * are probed: soon after the socket reports any broken connection, and every second anyway. A connection that is made
 * again without the loss having been noticed is reported as `gone` first, so that a gap in the messages is never
 * silent.
 */
import type { Frames, PeerId, ServerEvent, ServerTransport } from '@lockstep/runtime';
import { Router } from 'zeromq';
import { endpointError, errorCode } from '../endpoint-error.js';
import { EventSlot } from '../event-slot.js';
import { outboxBounds, PEERS_KEEPING_BLOCKS_MAX } from '../limits.js';
import { Outbox } from '../outbox.js';
import type { OutboxBounds } from '../outbox.js';
import { checkPeerId, isPeerId } from '../peer-id.js';
import { FAREWELL, PROBE, fromWire, toWire } from '../wire.js';
import { Breather } from './breather.js';
import { closeSocket, lingerDeadline } from './closing.js';
import { bindable, connectable, formatEndpoint, parseEndpoint } from '../endpoint.js';
import { returnLargeBlocks } from './large-blocks.js';
import { commonSocketOptions } from './options.js';
import type { ZeroMQOptions } from './options.js';
import { ProbeTimer } from './probe-timer.js';
import { untilQuiet } from './quiet.js';
import { RouterPump } from './router-pump.js';
import type { Lane } from './router-pump.js';

interface Peer extends Lane {
  readonly id: PeerId;
  /** Given up or dropped, with only the farewell left to send. */
  isLeaving: boolean;
  /** Known to be unreachable; what it sent before may still wait to be read. */
  isLost: boolean;
}

/**
 * Binds a server and resolves once peers can connect.
 * @throws LockstepError `usage` for a malformed endpoint, `unavailable` when the address is in use or not ours
 */
export async function bindZeroMQServer(options: ZeroMQOptions): Promise<ServerTransport> {
  const endpoint = parseEndpoint(options.endpoint);
  const address = await bindable(endpoint);
  const socket = new Router({
    ...commonSocketOptions(options, address),
    mandatory: true,
    sendTimeout: 0,
    // A process that connects again must not be shut out by its own half-open old connection. Ids are unique to a
    // process, so nobody else takes a peer's place by chance.
    handover: true,
  });
  try {
    await socket.bind(formatEndpoint(address));
  } catch (thrown) {
    socket.close();
    throw endpointError('bind', options.endpoint, thrown);
  }
  const bound = socket.lastEndpoint ?? formatEndpoint(address);
  return new ZeroMQServer(socket, formatEndpoint(connectable(parseEndpoint(bound))), options);
}

class ZeroMQServer implements ServerTransport {
  readonly endpoint: string;
  readonly #socket: Router;
  readonly #events: EventSlot<ServerEvent>;
  readonly #bounds: OutboxBounds;
  readonly #maxFrameBytes: number;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #pump: RouterPump<Peer>;
  readonly #probes: ProbeTimer;
  readonly #ended: Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(socket: Router, endpoint: string, options: ZeroMQOptions) {
    this.#socket = socket;
    this.endpoint = endpoint;
    this.#bounds = outboxBounds(options);
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#pump = new RouterPump(socket, {
      drained: (peer) => this.#drained(peer),
      unreachable: (peer) => this.#unreachable(peer),
    });
    this.#probes = new ProbeTimer(() => this.#probe());
    this.#events = new EventSlot(() => {
      void this.#read();
      this.#probes.start();
    });
    this.#ended = this.#watch();
  }

  onEvent(handler: (event: ServerEvent) => void): void {
    this.#events.set(handler);
  }

  send(peer: PeerId, frames: Frames): void {
    const wire = toWire(frames, this.#maxFrameBytes);
    if (this.#events.isClosed) return;
    const known = this.#peers.get(checkPeerId(peer));
    if (known === undefined || known.isLeaving) {
      this.#emitLater({ type: 'gone', peer, reason: 'it is not connected' });
    } else if (known.isLost) {
      return;
    } else if (known.outbox.push(wire)) {
      this.#pump.wake(known);
    } else {
      const reason = `it does not drain its queue (${known.outbox.describe()} waiting)`;
      this.#dismiss(known);
      this.#emitLater({ type: 'gone', peer, reason });
    }
  }

  drop(peer: PeerId): void {
    const known = this.#peers.get(checkPeerId(peer));
    if (known !== undefined && !known.isLeaving) this.#dismiss(known);
  }

  close(lingerMs: number): Promise<void> {
    this.#events.close();
    this.#probes.stop();
    this.#closing ??= this.#finish(lingerDeadline(lingerMs));
    return this.#closing;
  }

  async #finish(deadlineMs: number): Promise<void> {
    await this.#pump.finish(deadlineMs);
    await closeSocket(this.#socket, deadlineMs, this.#ended);
  }

  async #read(): Promise<void> {
    const breather = new Breather();
    for await (const [routingId, ...frames] of this.#socket) {
      this.#take(routingId, frames);
      await breather.read(frames);
    }
  }

  #take(routingId: Buffer | undefined, frames: Frames): void {
    if (this.#events.isClosed) return;
    const id = routingId?.toString('latin1') ?? '';
    const received = fromWire(frames);
    if (received.type === 'probe') this.#connected(id, routingId);
    else if (received.type === 'message') this.#arrived(id, received.frames);
  }

  #connected(id: PeerId, routingId: Uint8Array | undefined): void {
    if (routingId === undefined || !isPeerId(id)) return;
    const known = this.#peers.get(id);
    if (known !== undefined) {
      this.#forget(known);
      const reason = 'its connection broke and was made again';
      if (!known.isLeaving) this.#events.emit({ type: 'gone', peer: id, reason });
    }
    this.#peers.set(id, { id, routingId, outbox: new Outbox(this.#bounds), isLeaving: false, isLost: false });
    if (this.#peers.size > PEERS_KEEPING_BLOCKS_MAX) returnLargeBlocks();
  }

  #arrived(peer: PeerId, frames: Frames): void {
    const known = this.#peers.get(peer);
    if (known !== undefined && !known.isLeaving) this.#events.emit({ type: 'message', peer, frames });
  }

  /** Ends a peer whose connection may still stand: its queue is replaced by the farewell. */
  #dismiss(peer: Peer): void {
    peer.isLeaving = true;
    peer.outbox.clear();
    if (peer.isLost) {
      this.#forget(peer);
      return;
    }
    peer.outbox.push(FAREWELL);
    this.#pump.wake(peer);
  }

  #drained(peer: Peer): void {
    if (peer.isLeaving) this.#forget(peer);
  }

  #unreachable(peer: Peer): void {
    this.#pump.remove(peer);
    if (peer.isLeaving) {
      this.#forget(peer);
    } else if (!peer.isLost) {
      peer.isLost = true;
      void untilQuiet(this.#socket).then(() => this.#settle(peer));
    }
  }

  /** Reports a lost peer, all its messages read, unless it was dropped or came back meanwhile. */
  #settle(peer: Peer): void {
    if (peer.isLeaving || this.#peers.get(peer.id) !== peer) return;
    this.#forget(peer);
    this.#events.emit({ type: 'gone', peer: peer.id, reason: 'its connection is closed' });
  }

  #forget(peer: Peer): void {
    this.#pump.remove(peer);
    if (this.#peers.get(peer.id) === peer) this.#peers.delete(peer.id);
  }

  #probe(): void {
    for (const peer of this.#peers.values()) {
      if (peer.outbox.size > 0 || peer.isLost) continue;
      this.#socket.send([peer.routingId, ...PROBE]).catch((thrown: unknown) => {
        if (errorCode(thrown) === 'EHOSTUNREACH') this.#unreachable(peer);
      });
    }
  }

  /** Follows the socket's monitor until the socket has ended, all lingering bytes included. */
  async #watch(): Promise<void> {
    for await (const event of this.#socket.events) {
      if (event.type === 'disconnect') this.#probes.soon();
      if (event.type === 'end') return;
    }
  }

  /** `send` never calls back into its caller. */
  #emitLater(event: ServerEvent): void {
    queueMicrotask(() => this.#events.emit(event));
  }
}
