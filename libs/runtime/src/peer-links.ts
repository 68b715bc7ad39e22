/**
 * One-way links among workers: each binds one endpoint, to which all who want to hear it connect. The one that hears
 * connects, because it knows where the next bytes are to go. A loss is always announced, to the sender by its server
 * and to the receiver by its own end; a link that broke is made anew for the next exchange.
 */
import { invariant, LIMITS } from '@lockstep/config';
import type { Frames, PeerClient, PeerId, PeerServer, RoomFor } from './ports.js';

export type PeerEvent =
  | { readonly type: 'message'; readonly peer: PeerId; readonly frames: Frames }
  /** What was sent to it, or by it, and has not arrived is lost. */
  | { readonly type: 'broken'; readonly peer: PeerId; readonly reason: string };

/** Where to put what comes from another worker: see `RoomFor`. */
export type RoomForPiece = (peer: PeerId, ...about: Parameters<RoomFor>) => Uint8Array | null;

export interface PeerLinkMaker {
  /** @throws LockstepError `unavailable` when there is no address to bind */
  bind(): Promise<PeerServer>;
  /** @throws LockstepError `usage` for a malformed endpoint */
  connect(endpoint: string, peerId: PeerId): PeerClient;
}

/** Another worker, as the coordinator names it. */
export interface OtherWorker {
  readonly peer: PeerId;
  readonly endpoint: string;
}

/** Separates the name of a worker from the number of its connection: two connections never share an id. */
const SEPARATOR = '>';
/** What a connection begins with, which shows that its sender listens. */
const HERE: Frames = [new TextEncoder().encode('here')];

interface Source {
  readonly endpoint: string;
  readonly client: PeerClient;
}

/** What is to be sent to one that has not connected yet. */
interface Waiting {
  readonly messages: Frames[];
  bytes: number;
}

export class PeerLinks {
  readonly #maker: PeerLinkMaker;
  readonly #self: PeerId;
  readonly #onEvent: (event: PeerEvent) => void;
  readonly #roomFor: RoomForPiece;
  /** Those we hear. */
  readonly #sources = new Map<PeerId, Source>();
  /** Those who hear us, and the connections they do it by. */
  readonly #listeners = new Map<PeerId, PeerId>();
  readonly #waiting = new Map<PeerId, Waiting>();
  #binding: Promise<PeerServer> | undefined;
  #server: PeerServer | undefined;
  #count = 0;
  #isClosed = false;

  /** @param self name of this worker, as others know it */
  constructor(maker: PeerLinkMaker, self: PeerId, onEvent: (event: PeerEvent) => void, roomFor: RoomForPiece) {
    this.#maker = maker;
    this.#self = self;
    this.#onEvent = onEvent;
    this.#roomFor = roomFor;
  }

  /**
   * Begins to take connections, once.
   * @returns where others reach this worker
   * @throws LockstepError `internal` once it is closed: a server that nobody closes keeps a process alive
   */
  async listen(): Promise<string> {
    invariant(!this.#isClosed, 'links among workers that are closed');
    this.#binding ??= this.#bind();
    return (await this.#binding).endpoint;
  }

  /** Hears these and nobody else from now on. What still waits to be sent is of an exchange that is over. */
  meet(others: readonly OtherWorker[]): void {
    this.#waiting.clear();
    const wanted = new Map(others.map(({ peer, endpoint }) => [peer, endpoint]));
    for (const [peer, source] of this.#sources) {
      if (wanted.get(peer) !== source.endpoint) this.#leave(peer, source.client);
    }
    for (const other of others) if (!this.#sources.has(other.peer)) this.#hear(other);
  }

  /** Sends to one of those that were met, once it listens. */
  send(peer: PeerId, frames: Frames): void {
    const listener = this.#listeners.get(peer);
    if (listener !== undefined) {
      this.#server?.send(listener, frames);
      return;
    }
    const waiting = this.#waiting.get(peer) ?? { messages: [], bytes: 0 };
    this.#waiting.set(peer, waiting);
    waiting.messages.push(frames);
    waiting.bytes += frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (waiting.bytes <= LIMITS.earlyPiecesBytes) return;
    this.#waiting.delete(peer);
    this.#onEvent({ type: 'broken', peer, reason: 'it does not listen' });
  }

  async close(lingerMs: number): Promise<void> {
    this.#isClosed = true;
    for (const [peer, { client }] of this.#sources) this.#leave(peer, client);
    this.#waiting.clear();
    const server = await this.#binding?.catch(() => undefined);
    await server?.close(lingerMs);
  }

  async #bind(): Promise<PeerServer> {
    const server = await this.#maker.bind();
    this.#server = server;
    server.onEvent((event) => {
      const peer = nameIn(event.peer);
      if (event.type === 'message') this.#heardBy(peer, event.peer);
      else if (this.#listeners.get(peer) === event.peer) {
        this.#listeners.delete(peer);
        this.#onEvent({ type: 'broken', peer, reason: event.reason });
      }
    });
    return server;
  }

  #heardBy(peer: PeerId, listener: PeerId): void {
    this.#listeners.set(peer, listener);
    const waiting = this.#waiting.get(peer);
    this.#waiting.delete(peer);
    for (const frames of waiting?.messages ?? []) this.#server?.send(listener, frames);
  }

  #hear({ peer, endpoint }: OtherWorker): void {
    this.#count += 1;
    const client = this.#maker.connect(endpoint, `${this.#self}${SEPARATOR}${this.#count}`);
    this.#sources.set(peer, { endpoint, client });
    client.onRoom?.((before, lengthBytes) =>
      this.#sources.get(peer)?.client === client ? this.#roomFor(peer, before, lengthBytes) : null,
    );
    client.onEvent((event) => {
      if (this.#sources.get(peer)?.client !== client) return;
      if (event.type === 'connected') client.send(HERE);
      else if (event.type === 'message') this.#onEvent({ type: 'message', peer, frames: event.frames });
      else {
        this.#leave(peer, client);
        this.#onEvent({ type: 'broken', peer, reason: event.reason });
      }
    });
  }

  #leave(peer: PeerId, client: PeerClient): void {
    this.#sources.delete(peer);
    void client.close(0);
  }
}

function nameIn(linkId: PeerId): PeerId {
  return linkId.slice(0, linkId.lastIndexOf(SEPARATOR));
}
