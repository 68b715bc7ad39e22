/**
 * One-way connections among workers: each binds one endpoint, on which all others send to it, and connects to those it
 * sends to when it first does. A loss is always announced, to the sender by its own end and to the receiver by the
 * server's.
 */
import type { ClientTransport, Frames, PeerId, ServerTransport } from './ports.js';

export type PeerEvent =
  | { readonly type: 'message'; readonly peer: PeerId; readonly frames: Frames }
  /** What was sent to this endpoint, or by this worker, and has not arrived is lost. */
  | {
      readonly type: 'broken';
      readonly with: { readonly endpoint: string } | { readonly peer: PeerId };
      readonly reason: string;
    };

export interface PeerLinkMaker {
  /** @throws LockstepError `unavailable` when there is no address to bind */
  bind(): Promise<ServerTransport>;
  connect(endpoint: string, peerId: PeerId): Promise<ClientTransport>;
}

/** Separates the name of a worker from the number of its connection: two connections never share an id. */
const SEPARATOR = '>';

export class PeerLinks {
  readonly #maker: PeerLinkMaker;
  readonly #self: PeerId;
  readonly #links = new Map<string, Promise<ClientTransport>>();
  readonly #onEvent: (event: PeerEvent) => void;
  #server: Promise<ServerTransport> | undefined;
  #count = 0;

  /** @param self name of this worker, as others know it */
  constructor(maker: PeerLinkMaker, self: PeerId, onEvent: (event: PeerEvent) => void) {
    this.#maker = maker;
    this.#self = self;
    this.#onEvent = onEvent;
  }

  /**
   * Begins to listen, once.
   * @returns where others reach this worker
   */
  async listen(): Promise<string> {
    this.#server ??= this.#bind();
    return (await this.#server).endpoint;
  }

  send(endpoint: string, frames: Frames): void {
    const link = this.#links.get(endpoint) ?? this.#connect(endpoint);
    void link.then((client) => client.send(frames));
  }

  /** Closes connections to all others. */
  keep(endpoints: ReadonlySet<string>): void {
    for (const [endpoint, link] of this.#links) {
      if (endpoints.has(endpoint)) continue;
      this.#links.delete(endpoint);
      void link.then((client) => client.close(0));
    }
  }

  async close(lingerMs: number): Promise<void> {
    const links = [...this.#links.values()];
    this.#links.clear();
    const server = await this.#server?.catch(() => undefined);
    await Promise.all([server?.close(0), ...links.map(async (link) => (await link).close(lingerMs))]);
  }

  async #bind(): Promise<ServerTransport> {
    const server = await this.#maker.bind();
    server.onEvent((event) => {
      if (event.type === 'message') this.#onEvent({ type: 'message', peer: nameIn(event.peer), frames: event.frames });
      else this.#onEvent({ type: 'broken', with: { peer: nameIn(event.peer) }, reason: event.reason });
    });
    return server;
  }

  #connect(endpoint: string): Promise<ClientTransport> {
    this.#count += 1;
    const link = this.#maker.connect(endpoint, `${this.#self}${SEPARATOR}${this.#count}`).then((client) => {
      client.onEvent((event) => {
        if (event.type !== 'disconnected' || this.#links.get(endpoint) !== link) return;
        this.#onEvent({ type: 'broken', with: { endpoint }, reason: event.reason });
      });
      return client;
    });
    this.#links.set(endpoint, link);
    return link;
  }
}

function nameIn(linkId: PeerId): PeerId {
  return linkId.slice(0, linkId.lastIndexOf(SEPARATOR));
}
