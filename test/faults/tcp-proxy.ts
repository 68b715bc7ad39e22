/**
 * A TCP proxy in user space that stands between workers and coordinator and breaks what is asked for: one
 * connection or all, one direction or both. It counts what it did, so that a test can prove that its fault happened.
 */
import { randomStream } from '@lockstep/data';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Lane } from './lane.js';
import type { LaneCounts, LaneFaults, Rewrite } from './lane.js';

/** Up: to the target (the coordinator). Down: back to who connected (a worker). */
export type Direction = 'up' | 'down';

export interface ProxyOptions {
  /** Of everything random; a test that fails must print it. */
  readonly seed?: number;
  /** Makes the rewriter of one direction of one new connection, numbered from 0. */
  readonly rewrite?: (direction: Direction, connection: number, inject: (bytes: Buffer) => void) => Rewrite;
}

export interface ProxyCounts extends LaneCounts {
  readonly connections: number;
  readonly resets: number;
}

const DIRECTIONS: readonly Direction[] = ['up', 'down'];

class ProxyConnection {
  readonly index: number;
  readonly lanes: Readonly<Record<Direction, Lane>>;
  readonly #client: Socket;
  readonly #target: Socket;
  #isReset = false;

  constructor(index: number, client: Socket, target: Socket, { seed = 0, rewrite }: ProxyOptions) {
    this.index = index;
    this.#client = client;
    this.#target = target;
    const lane = (direction: Direction, source: Socket, sink: Socket): Lane => {
      const random = randomStream(seed, 'proxy', index, direction);
      const made: Lane = new Lane(
        source,
        sink,
        random,
        rewrite?.(direction, index, (bytes) => made.inject(bytes)),
      );
      return made;
    };
    this.lanes = { up: lane('up', client, target), down: lane('down', target, client) };
    this.#passOnClose(client, target, 'up');
    this.#passOnClose(target, client, 'down');
  }

  /** Whether neither side is there any more. */
  get isClosed(): boolean {
    return this.#client.destroyed && this.#target.destroyed;
  }

  /** Whether this proxy has reset it. */
  get isReset(): boolean {
    return this.#isReset;
  }

  /** Both sides get an RST; what waits in the proxy is lost. */
  reset(): void {
    if (this.isClosed) return;
    this.#isReset = true;
    for (const lane of Object.values(this.lanes)) lane.close();
    this.#client.resetAndDestroy();
    this.#target.resetAndDestroy();
  }

  /** Lets `lengthBytes` more bytes through in one direction, then resets: in the middle of whatever they carry. */
  async resetAfter(direction: Direction, lengthBytes: number): Promise<void> {
    await this.lanes[direction].cutAfter(lengthBytes);
    this.reset();
  }

  /** The line works again; where the two sides have come to disagree the connection is reset. */
  heal(): void {
    const { up, down } = this.lanes;
    if (up.hasLost || down.hasLost) this.reset();
    for (const lane of [up, down]) lane.faults = {};
  }

  /** A side that breaks off takes the other along, unless the line between them is dead or held up. */
  #passOnClose(source: Socket, sink: Socket, direction: Direction): void {
    source.on('error', () => undefined);
    source.on('close', (hadError) => {
      if (hadError && this.lanes[direction].passesBreak()) sink.resetAndDestroy();
    });
  }
}

export class TcpProxy {
  /** Of all connections ever, in the order in which they came. */
  readonly connections: ProxyConnection[] = [];
  readonly #target: { readonly host: string; readonly port: number };
  readonly #options: ProxyOptions;
  readonly #faults: Record<Direction, LaneFaults> = { up: {}, down: {} };
  #server: Server | undefined;
  #port = 0;

  private constructor(target: { readonly host: string; readonly port: number }, options: ProxyOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: { host: string; port: number }, options: ProxyOptions = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, options);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** For `lockstep worker --coordinator`. */
  get endpoint(): string {
    return `tcp://127.0.0.1:${this.#port}`;
  }

  get open(): readonly ProxyConnection[] {
    return this.connections.filter(({ isClosed }) => !isClosed);
  }

  /** What was done so far, all connections and both directions together. */
  get counts(): ProxyCounts {
    const lanes = this.connections.flatMap(({ lanes: { up, down } }) => [up.counts, down.counts]);
    const sum = (name: keyof LaneCounts): number => lanes.reduce((total, counts) => total + counts[name], 0);
    return {
      connections: this.connections.length,
      resets: this.connections.filter(({ isReset }) => isReset).length,
      passedBytes: sum('passedBytes'),
      swallowedBytes: sum('swallowedBytes'),
      flippedBits: sum('flippedBits'),
      delayedPieces: sum('delayedPieces'),
    };
  }

  /** Puts a direction of all connections, present and future, under these faults and no others. */
  break(direction: Direction | 'both', faults: LaneFaults): void {
    for (const one of direction === 'both' ? DIRECTIONS : [direction]) {
      this.#faults[one] = faults;
      for (const connection of this.connections) connection.lanes[one].faults = faults;
    }
  }

  /** The line works again. A connection that has lost bytes cannot go on and is reset. */
  heal(): void {
    for (const connection of this.open) connection.heal();
    this.break('both', {});
  }

  /** Resets every open connection; gives their number. */
  resetAll(): number {
    const { open } = this;
    for (const connection of open) connection.reset();
    return open.length;
  }

  /** New connections are refused by the system; those that are there go on. */
  refuse(): void {
    this.#server?.close();
  }

  /** Listens, again where it has listened before. */
  async accept(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
    this.#server = server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  close(): void {
    this.refuse();
    this.resetAll();
  }

  #connect(client: Socket): void {
    const target = createConnection({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const connection = new ProxyConnection(this.connections.length, client, target, this.#options);
    this.connections.push(connection);
    for (const direction of DIRECTIONS) connection.lanes[direction].faults = this.#faults[direction];
  }
}
