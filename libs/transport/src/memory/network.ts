/**
 * A whole network in one process, for simulations and tests: the same ports, the same promises, a clock that the
 * caller turns and faults drawn from a seed. Equal seed, calls and clock give equal events.
 */
import { LockstepError } from '@lockstep/config';
import { randomStream } from '@lockstep/data';
import type { ClientTransport, Clock, PeerClient, PeerId, ServerTransport } from '@lockstep/runtime';
import { SILENCE_MS_MAX, outboxBounds } from '../limits.js';
import type { OutboxBounds } from '../outbox.js';
import { checkPeerId } from '../peer-id.js';
import { MemoryClient } from './client.js';
import type { MemoryFaultCounts, MemoryFaults } from './faults.js';
import { Link } from './link.js';
import type { Direction } from './link.js';
import { MemoryServer } from './server.js';

export interface MemoryNetworkOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** None by default. */
  readonly faults?: MemoryFaults;
}

export interface MemoryServerOptions {
  /** `memory://NAME`; a free name by default. */
  readonly endpoint?: string;
  /** Machine that it is on, to be isolated by this name; that of a client is its peer id by default. */
  readonly host?: string;
  /** Largest frame in bytes, both ways. */
  readonly maxFrameBytes: number;
  /** Bounds of what waits for one peer; defaults in limits.ts. */
  readonly sendQueue?: Partial<OutboxBounds>;
}

export interface MemoryClientOptions extends MemoryServerOptions {
  readonly endpoint: string;
  readonly peerId: PeerId;
}

export interface MemoryNetwork {
  /** @throws LockstepError `unavailable` when the endpoint is taken */
  bind(options: MemoryServerOptions): ServerTransport;
  /** Starts connecting; `connected` follows once a server is bound there. */
  connect(options: MemoryClientOptions): ClientTransport & PeerClient;
  /** From now on messages meet these faults; those under way keep theirs. */
  setFaults(faults: MemoryFaults): void;
  /** Breaks the connection of a peer; both ends are told and the client connects again. */
  breakConnection(peer: PeerId): void;
  /**
   * Cuts a host off: nothing passes either way and nobody is told, until `heal`, or until the silence limit after
   * which both ends take the connections for broken.
   */
  isolate(host: string): void;
  /** Ends an isolation; what was held up on a connection that still stands arrives now. */
  heal(host: string): void;
  /** Lets nothing through to or from a peer in one direction, until `unclog`; what is sent waits and nobody is told. */
  clog(peer: PeerId, direction: Direction): void;
  unclog(peer: PeerId, direction: Direction): void;
  /** What the faults have done so far. */
  readonly counts: Readonly<MemoryFaultCounts>;
}

/** @param options `seed` is a whole number; `clock` may be virtual: the network has no other source of time */
export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new Network(options);
}

class Network implements MemoryNetwork {
  readonly #seed: number;
  readonly #clock: Clock;
  readonly #servers = new Map<string, { readonly server: MemoryServer; readonly host: string }>();
  readonly #links = new Map<PeerId, Link>();
  /** Machines at both ends of a connection, by its client. */
  readonly #hosts = new Map<PeerId, readonly string[]>();
  /** Cancels the end of the silence, by isolated host. */
  readonly #isolated = new Map<string, () => void>();
  readonly #clogged: Readonly<Record<Direction, Set<PeerId>>> = { 'to server': new Set(), 'to client': new Set() };
  readonly counts: MemoryFaultCounts = { lost: 0, doubled: 0, broken: 0, reordered: 0, corrupted: 0 };
  #faults: MemoryFaults;
  #nameIndex = 0;
  #linkIndex = 0;
  #clientIndex = 0;

  constructor(options: MemoryNetworkOptions) {
    this.#seed = options.seed;
    this.#clock = options.clock;
    this.#faults = options.faults ?? {};
  }

  bind(options: MemoryServerOptions): ServerTransport {
    const endpoint = options.endpoint ?? `memory://server-${(this.#nameIndex += 1)}`;
    if (this.#servers.has(endpoint)) {
      throw new LockstepError('unavailable', `cannot bind ${endpoint}: the address is in use`, 'pick another name');
    }
    const { maxFrameBytes } = options;
    const bounds = outboxBounds(options);
    const unbind = (): void => void this.#servers.delete(endpoint);
    const server = new MemoryServer({ endpoint, maxFrameBytes, bounds, clock: this.#clock, unbind });
    this.#servers.set(endpoint, { server, host: options.host ?? endpoint });
    return server;
  }

  connect(options: MemoryClientOptions): ClientTransport & PeerClient {
    const peerId = checkPeerId(options.peerId);
    return new MemoryClient({
      maxFrameBytes: options.maxFrameBytes,
      bounds: outboxBounds(options),
      clock: this.#clock,
      random: randomStream(this.#seed, 'network', peerId, (this.#clientIndex += 1), 'pauses'),
      dial: (client) => this.#dial(peerId, options.host ?? peerId, options.endpoint, client),
    });
  }

  setFaults(faults: MemoryFaults): void {
    this.#faults = faults;
  }

  breakConnection(peer: PeerId): void {
    this.#links.get(peer)?.end('the connection broke');
  }

  isolate(host: string): void {
    if (this.#isolated.has(host)) return;
    const fallSilent = (): void => {
      for (const link of this.#linksOf(host)) link.end('the connection fell silent');
    };
    this.#isolated.set(host, this.#clock.after(SILENCE_MS_MAX, fallSilent));
  }

  heal(host: string): void {
    this.#isolated.get(host)?.();
    this.#isolated.delete(host);
    for (const link of this.#linksOf(host)) link.flush();
  }

  #linksOf(host: string): readonly Link[] {
    return [...this.#links.values()].filter((link) => this.#hosts.get(link.peer)?.includes(host) === true);
  }

  #isCutOff(peer: PeerId): boolean {
    return this.#hosts.get(peer)?.some((host) => this.#isolated.has(host)) === true;
  }

  clog(peer: PeerId, direction: Direction): void {
    this.#clogged[direction].add(peer);
  }

  unclog(peer: PeerId, direction: Direction): void {
    this.#clogged[direction].delete(peer);
    this.#links.get(peer)?.flush();
  }

  #dial(peer: PeerId, host: string, endpoint: string, client: MemoryClient): Link | undefined {
    const found = this.#servers.get(endpoint);
    if (found === undefined) return undefined;
    const { server } = found;
    this.#hosts.set(peer, [host, found.host]);
    if (this.#isCutOff(peer)) return undefined;
    const setting = {
      clock: this.#clock,
      seed: this.#seed,
      linkIndex: (this.#linkIndex += 1),
      counts: this.counts,
      faults: () => this.#faults,
      isOpen: (its: PeerId, direction: Direction) => !this.#isCutOff(its) && !this.#clogged[direction].has(its),
    };
    const link = new Link(setting, peer, server, client);
    this.#links.set(peer, link);
    server.accept(link);
    return link;
  }
}
