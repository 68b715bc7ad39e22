/** One connection between a client and a server in memory: a lane each way, and one end for both. */
import { randomStream } from '@lockstep/data';
import type { Clock, Frames, PeerId } from '@lockstep/runtime';
import type { OutboxBounds } from '../outbox.js';
import type { MemoryFaultCounts, MemoryFaults } from './faults.js';
import { Lane } from './lane.js';

/** One way through a connection. */
export type Direction = 'to server' | 'to client';

/** What a link needs to know of, and tells, the transport at either end. */
export interface LinkEnd {
  readonly maxFrameBytes: number;
  readonly bounds: OutboxBounds;
  isListening(): boolean;
  received(link: Link, frames: Frames): void;
  ended(link: Link, reason: string): void;
}

export interface LinkSetting {
  readonly clock: Clock;
  readonly seed: number;
  /** Counts the connections of the network, for a stream of its own each. */
  readonly linkIndex: number;
  readonly counts: MemoryFaultCounts;
  faults(): MemoryFaults;
  /** Whether something passes between the server and this peer that way. */
  isOpen(peer: PeerId, direction: Direction): boolean;
}

export class Link {
  readonly peer: PeerId;
  readonly toServer: Lane;
  readonly toClient: Lane;
  readonly #setting: LinkSetting;
  readonly #server: LinkEnd;
  readonly #client: LinkEnd;
  #isEnded = false;

  constructor(setting: LinkSetting, peer: PeerId, server: LinkEnd, client: LinkEnd) {
    this.peer = peer;
    this.#setting = setting;
    this.#server = server;
    this.#client = client;
    this.toServer = this.#lane('to server', client, server);
    this.toClient = this.#lane('to client', server, client);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Ends the connection with all that is under way, and tells both ends a moment later. */
  end(reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.toServer.end();
    this.toClient.end();
    this.#setting.clock.after(0, () => this.#server.ended(this, reason));
    this.#setting.clock.after(0, () => this.#client.ended(this, reason));
  }

  /** Delivers what was held up by an end that did not read or a way that was cut. */
  flush(): void {
    this.toServer.flush();
    this.toClient.flush();
  }

  #lane(direction: Direction, sender: LinkEnd, receiver: LinkEnd): Lane {
    const { clock, seed, linkIndex, counts } = this.#setting;
    return new Lane({
      clock,
      random: randomStream(seed, 'network', this.peer, linkIndex, direction),
      bounds: sender.bounds,
      counts,
      faults: () => this.#setting.faults(),
      isOpen: () => receiver.isListening() && this.#setting.isOpen(this.peer, direction),
      deliver: (frames) => {
        if (frames.some((frame) => frame.byteLength > receiver.maxFrameBytes)) {
          this.end(`a frame was over the receiver's limit of ${receiver.maxFrameBytes} bytes`);
        } else {
          receiver.received(this, frames.map(copyAtOddOffset));
        }
      },
      break: (reason) => this.end(reason),
    });
  }
}

/**
 * Received frames are memory of their own at an odd offset: whoever relies on sharing it with the sender, or on its
 * alignment, fails here rather than over a real network.
 */
function copyAtOddOffset(frame: Uint8Array): Uint8Array {
  const memory = new Uint8Array(frame.byteLength + 1);
  memory.set(frame, 1);
  return memory.subarray(1);
}
