/**
 * One connection of a client: a DEALER socket, its reader, its monitor and the pump from the client's queue. It reports how it
 * fares until it is abandoned or closed, and is never used again after that.
 */
import type { Frames } from '@lockstep/runtime';
import { Dealer } from 'zeromq';
import type { Observer } from 'zeromq';
import { CONNECT_TIMEOUT_MS, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from '../limits.js';
import type { Outbox } from '../outbox.js';
import { closeSocket } from './closing.js';
import { formatEndpoint, parseEndpoint } from './endpoint.js';
import { commonSocketOptions, endpointError } from './options.js';
import type { ZeroMQClientOptions } from './client.js';

export interface ConnectionReports {
  /** The handshake has succeeded. */
  connected(): void;
  /** An established connection was lost. */
  broken(reason: string): void;
  received(frames: Frames): void;
}

export class DealerConnection {
  readonly #socket: Dealer;
  readonly #monitor: Observer;
  readonly #outbox: Outbox;
  readonly #reports: ConnectionReports;
  #ended: Promise<void> | undefined;
  #isSending = false;
  #isAbandoned = false;
  #whenDrained: (() => void) | undefined;

  /** Starts connecting. */
  constructor(options: ZeroMQClientOptions, outbox: Outbox, reports: ConnectionReports) {
    const endpoint = parseEndpoint(options.endpoint);
    this.#outbox = outbox;
    this.#reports = reports;
    this.#socket = new Dealer({
      ...commonSocketOptions(options, endpoint),
      routingId: options.peerId,
      // Tells the server that a connection begins, before anything else.
      probeRouter: true,
      // Messages go to an established connection or stay in our queue.
      immediate: true,
      sendTimeout: -1,
      reconnectInterval: RECONNECT_MS_MIN,
      reconnectMaxInterval: RECONNECT_MS_MAX,
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
  }

  /** Begins to read messages and to follow the connection's state. */
  listen(): void {
    this.#ended = this.#watch();
    void this.#read();
  }

  /** Says that the queue has something to send. */
  wake(): void {
    if (!this.#isSending && !this.#isAbandoned) void this.#pump();
  }

  /** Ends at once, with all that is unsent. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#socket.close();
  }

  /** Sends what is queued and what the socket holds, for at most `lingerMs`, then ends. */
  close(lingerMs: number): Promise<void> {
    this.#ended ??= this.#watch();
    return closeSocket(this.#socket, lingerMs, this.#ended, (deadlineMs) => this.#drain(deadlineMs));
  }

  async #read(): Promise<void> {
    for await (const frames of this.#socket) {
      if (!this.#isAbandoned) this.#reports.received(frames);
    }
  }

  async #watch(): Promise<void> {
    let isUp = false;
    for await (const event of this.#monitor) {
      if (event.type === 'end') return;
      if (this.#isAbandoned) continue;
      if (event.type === 'handshake' && !isUp) {
        isUp = true;
        this.#reports.connected();
      } else if (event.type === 'disconnect' && isUp) {
        this.#reports.broken('the connection broke');
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
    if (this.#outbox.size === 0) this.#whenDrained?.();
  }

  #drain(deadlineMs: number): Promise<void> {
    if (this.#outbox.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadlineMs - performance.now()));
      this.#whenDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
