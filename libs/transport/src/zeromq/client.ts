/**
 * A worker's end: one DEALER socket per connection. When a connection breaks its socket is thrown away with all it
 * still holds, and a new socket connects, so that nothing sent before `disconnected` can turn up on a later
 * connection.
 *
 * What is sent before the first `connected`, or between two connections, waits in a bounded queue for the next
 * connection. When that queue passes a bound it is emptied and `disconnected` says so: a loss is always announced by
 * that event.
 */
import type { ClientEvent, ClientTransport, Frames } from '@lockstep/runtime';
import { Backoff } from '../backoff.js';
import { EventSlot } from '../event-slot.js';
import { outboxBounds } from '../limits.js';
import { Outbox } from '../outbox.js';
import { checkPeerId } from '../peer-id.js';
import { fromWire, toWire } from '../wire.js';
import { lingerDeadline, orDeadline } from './closing.js';
import { DealerConnection } from './dealer-connection.js';
import { parseDestination } from '../endpoint.js';
import type { Endpoint } from '../endpoint.js';
import type { ZeroMQClientOptions } from './options.js';

/**
 * Starts connecting and resolves at once; `connected` follows when the handshake has succeeded, however long the
 * server takes to appear.
 * @throws LockstepError `usage` for a malformed endpoint
 */
export async function connectZeroMQClient(options: ZeroMQClientOptions): Promise<ClientTransport> {
  checkPeerId(options.peerId);
  return Promise.resolve(new ZeroMQClient(options, parseDestination(options.endpoint)));
}

class ZeroMQClient implements ClientTransport {
  readonly #options: ZeroMQClientOptions;
  readonly #endpoint: Endpoint;
  readonly #events: EventSlot<ClientEvent>;
  readonly #outbox: Outbox;
  readonly #backoff = new Backoff(Math.random);
  /** Absent in the pause before the next attempt. */
  #connection: DealerConnection | undefined;
  #nextAttempt: NodeJS.Timeout | undefined;
  #whenDrained: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ZeroMQClientOptions, endpoint: Endpoint) {
    this.#options = options;
    this.#endpoint = endpoint;
    this.#outbox = new Outbox(outboxBounds(options));
    this.#connection = this.#connect();
    this.#events = new EventSlot(() => this.#connection?.listen());
  }

  onEvent(handler: (event: ClientEvent) => void): void {
    this.#events.set(handler);
  }

  send(frames: Frames): void {
    const wire = toWire(frames, this.#options.maxFrameBytes);
    if (this.#events.isClosed) return;
    if (this.#outbox.push(wire)) {
      this.#connection?.wake();
      return;
    }
    const reason = `the coordinator does not drain the queue (${this.#outbox.describe()} given up)`;
    this.#outbox.clear();
    // Never calls back into the caller of `send`.
    queueMicrotask(() => this.#broken(this.#connection, reason));
  }

  reconnect(reason: string): void {
    if (this.#events.isClosed) return;
    this.#backoff.reset();
    const connection = this.#connection;
    if (connection?.isUp !== true) {
      this.#redial(connection, 0);
      return;
    }
    connection.abandon();
    // Never calls back into the caller.
    queueMicrotask(() => this.#broken(connection, reason));
  }

  close(lingerMs: number): Promise<void> {
    this.#events.close();
    this.#closing ??= this.#finish(lingerDeadline(lingerMs));
    return this.#closing;
  }

  /** Gives ZeroMQ what is queued, over a connection still to be made if need be, and closes. */
  async #finish(deadlineMs: number): Promise<void> {
    await orDeadline(deadlineMs, (done) => {
      this.#whenDrained = done;
      if (this.#outbox.size === 0) done();
    });
    clearTimeout(this.#nextAttempt);
    await this.#connection?.close(deadlineMs);
  }

  #connect(): DealerConnection {
    const connection: DealerConnection = new DealerConnection(this.#options, this.#endpoint, this.#outbox, {
      connected: () => {
        this.#backoff.connected(performance.now());
        this.#events.emit({ type: 'connected' });
      },
      failed: () => this.#redial(connection),
      broken: (reason) => this.#broken(connection, reason),
      received: (frames) => this.#received(connection, frames),
      drained: () => this.#whenDrained?.(),
    });
    return connection;
  }

  #received(connection: DealerConnection, frames: Frames): void {
    const received = fromWire(frames);
    if (received.type === 'message') this.#events.emit({ type: 'message', frames: received.frames });
    else if (received.type === 'farewell') this.#broken(connection, 'the coordinator ended this connection');
  }

  /** Announces the loss of a connection; a report about an earlier one is stale and ignored. */
  #broken(connection: DealerConnection | undefined, reason: string): void {
    if (connection !== this.#connection) return;
    this.#outbox.clear();
    this.#whenDrained?.();
    this.#redial(connection);
    this.#events.emit({ type: 'disconnected', reason });
  }

  /** Throws a connection away and plans the next attempt. */
  #redial(connection: DealerConnection | undefined, pauseMs?: number): void {
    if (connection !== this.#connection) return;
    connection?.abandon();
    this.#connection = undefined;
    clearTimeout(this.#nextAttempt);
    this.#nextAttempt = setTimeout(
      () => {
        this.#connection = this.#connect();
        if (this.#events.isListening) this.#connection.listen();
      },
      pauseMs ?? this.#backoff.pauseMs(performance.now()),
    );
  }
}
