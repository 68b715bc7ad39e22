/** The coordinator's end in memory; behaves as the ZeroMQ server does. */
import type { Clock, Frames, PeerId, ServerEvent, ServerTransport } from '@lockstep/runtime';
import { EventSlot } from '../event-slot.js';
import { LINGER_MS_MAX } from '../limits.js';
import type { OutboxBounds } from '../outbox.js';
import { checkPeerId } from '../peer-id.js';
import { checkMessage } from '../wire.js';
import type { Link, LinkEnd } from './link.js';

export interface MemoryServerSetting {
  readonly endpoint: string;
  readonly maxFrameBytes: number;
  readonly bounds: OutboxBounds;
  readonly clock: Clock;
  /** Frees the endpoint. */
  unbind(): void;
}

export class MemoryServer implements ServerTransport, LinkEnd {
  readonly endpoint: string;
  readonly maxFrameBytes: number;
  readonly bounds: OutboxBounds;
  readonly #setting: MemoryServerSetting;
  readonly #events: EventSlot<ServerEvent>;
  readonly #links = new Map<PeerId, Link>();
  #closing: Promise<void> | undefined;

  constructor(setting: MemoryServerSetting) {
    this.#setting = setting;
    this.endpoint = setting.endpoint;
    this.maxFrameBytes = setting.maxFrameBytes;
    this.bounds = setting.bounds;
    this.#events = new EventSlot(() => {
      for (const link of this.#links.values()) link.flush();
    });
  }

  onEvent(handler: (event: ServerEvent) => void): void {
    this.#events.set(handler);
  }

  send(peer: PeerId, frames: Frames): void {
    checkMessage(frames, this.maxFrameBytes);
    if (this.#events.isClosed) return;
    const link = this.#links.get(checkPeerId(peer));
    if (link === undefined) {
      this.#gone(peer, 'it is not connected');
    } else if (!link.toClient.push(frames)) {
      this.#gone(peer, `it does not drain its queue (${link.toClient.describe()} waiting)`);
      this.drop(peer);
    }
  }

  drop(peer: PeerId): void {
    const link = this.#links.get(checkPeerId(peer));
    this.#links.delete(peer);
    link?.end('the coordinator ended this connection');
  }

  close(lingerMs: number): Promise<void> {
    this.#events.close();
    this.#closing ??= this.#finish(lingerMs);
    return this.#closing;
  }

  /** A client connects; its own earlier connection, if the loss was not noticed yet, is gone first. */
  accept(link: Link): void {
    const earlier = this.#links.get(link.peer);
    this.#links.set(link.peer, link);
    if (earlier === undefined) return;
    earlier.end('another connection took its place');
    this.#events.emit({ type: 'gone', peer: link.peer, reason: 'its connection broke and was made again' });
  }

  isListening(): boolean {
    return this.#events.isListening;
  }

  received(link: Link, frames: Frames): void {
    if (this.#links.get(link.peer) === link) this.#events.emit({ type: 'message', peer: link.peer, frames });
  }

  ended(link: Link, reason: string): void {
    if (this.#links.get(link.peer) !== link) return;
    this.#links.delete(link.peer);
    this.#events.emit({ type: 'gone', peer: link.peer, reason });
  }

  /** `send` never calls back into its caller. */
  #gone(peer: PeerId, reason: string): void {
    this.#setting.clock.after(0, () => this.#events.emit({ type: 'gone', peer, reason }));
  }

  async #finish(lingerMs: number): Promise<void> {
    const links = [...this.#links.values()];
    await new Promise<void>((resolve) => {
      const cancel = this.#setting.clock.after(Math.min(LINGER_MS_MAX, Math.max(0, lingerMs)), resolve);
      const check = (): void => {
        if (!links.every((link) => link.toClient.isEmpty)) return;
        cancel();
        resolve();
      };
      for (const link of links) link.toClient.onEmpty(check);
      check();
    });
    this.#setting.unbind();
    for (const link of links) link.end('the coordinator closed');
    this.#links.clear();
  }
}
