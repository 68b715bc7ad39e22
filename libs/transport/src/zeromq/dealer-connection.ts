/**
 * One attempt at a connection, and the connection if it succeeds: a DEALER socket, its reader, its monitor and the
 * pump from the client's queue. ZeroMQ is kept from connecting again on its own, so one socket never spans two
 * connections; and nothing is given to the socket before the handshake, so a failed attempt loses nothing. (ZeroMQ's
 * `immediate` option would do the latter, but with it a broken connection takes the messages along that had arrived
 * and were not read yet.)
 */
import type { Frames } from '@lockstep/runtime';
import { Dealer } from 'zeromq';
import type { Observer } from 'zeromq';
import { CONNECT_TIMEOUT_MS } from '../limits.js';
import type { Outbox } from '../outbox.js';
import { closeSocket } from './closing.js';
import { formatEndpoint } from '../endpoint.js';
import type { Endpoint } from '../endpoint.js';
import { endpointError } from '../endpoint-error.js';
import { commonSocketOptions } from './options.js';
import type { ZeroMQClientOptions } from './options.js';
import { untilQuiet } from './quiet.js';

/** Long after the socket was thrown away. Switching it off (-1) would, again, take unread messages along. */
const NEVER_MS = 24 * 3600 * 1000;

export interface ConnectionReports {
  /** The handshake has succeeded. */
  connected(): void;
  /** No connection came up. */
  failed(): void;
  /** An established connection was lost. */
  broken(reason: string): void;
  received(frames: Frames): void;
  /** The queue is empty: ZeroMQ has it all. */
  drained(): void;
}

export class DealerConnection {
  readonly #socket: Dealer;
  readonly #monitor: Observer;
  readonly #outbox: Outbox;
  readonly #reports: ConnectionReports;
  readonly #ended: Promise<void>;
  #isUp = false;
  #isSending = false;
  #isAbandoned = false;

  /** Starts connecting; messages are read from `listen` on. */
  constructor(options: ZeroMQClientOptions, endpoint: Endpoint, outbox: Outbox, reports: ConnectionReports) {
    this.#outbox = outbox;
    this.#reports = reports;
    this.#socket = new Dealer({
      ...commonSocketOptions(options, endpoint),
      routingId: options.peerId,
      // Tells the server that a connection begins, before anything else.
      probeRouter: true,
      sendTimeout: -1,
      reconnectInterval: NEVER_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
    });
    // The monitor must be there before the first event.
    this.#monitor = this.#socket.events;
    try {
      this.#socket.connect(formatEndpoint(endpoint));
    } catch (thrown) {
      this.#socket.close();
      throw endpointError('connect to', options.endpoint, thrown);
    }
    this.#ended = this.#watch();
  }

  /** Whether the handshake has succeeded. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Begins to read messages. */
  listen(): void {
    void this.#read();
  }

  /** Says that the queue has something to send. */
  wake(): void {
    if (this.#isUp && !this.#isSending && !this.#isAbandoned) void this.#pump();
  }

  /** Ends at once, with all that is unsent. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#socket.close();
  }

  /** Lets ZeroMQ send what it holds, then ends. */
  close(deadlineMs: number): Promise<void> {
    this.#isAbandoned = true;
    return closeSocket(this.#socket, deadlineMs, this.#ended);
  }

  async #read(): Promise<void> {
    for await (const frames of this.#socket) {
      if (!this.#isAbandoned) this.#reports.received(frames);
    }
  }

  /** Follows the socket's monitor until the socket has ended, all lingering bytes included. */
  async #watch(): Promise<void> {
    for await (const event of this.#monitor) {
      if (event.type === 'end') return;
      if (this.#isAbandoned) continue;
      if (event.type === 'handshake') {
        this.#isUp = true;
        this.#reports.connected();
        this.wake();
      } else if (event.type === 'disconnect' && this.#isUp) {
        await untilQuiet(this.#socket);
        if (!this.#isAbandoned) this.#reports.broken('the connection broke');
      } else if (event.type === 'connect:retry' && !this.#isUp) {
        this.#reports.failed();
      }
    }
  }

  async #pump(): Promise<void> {
    this.#isSending = true;
    try {
      for (let head = this.#outbox.head(); head !== undefined && !this.#isAbandoned; head = this.#outbox.head()) {
        await this.#socket.send([...head]);
        this.#outbox.remove(head);
      }
    } catch (thrown) {
      // Closing the socket ends a send that waits for room.
      if (!this.#socket.closed) throw thrown;
    } finally {
      this.#isSending = false;
    }
    if (this.#outbox.size === 0) this.#reports.drained();
  }
}
