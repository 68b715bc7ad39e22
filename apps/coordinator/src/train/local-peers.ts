/**
 * What the coordinator knows of the workers that its supervisor started, and what the two ask of each other about
 * them.
 */
import type { CommandReply, CoordinatorLoop } from '@lockstep/runtime';
import { fromPortable } from '../supervise/messages.js';
import type { Order } from '../supervise/messages.js';
import type { SupervisorChannel } from './supervisor-channel.js';

export class LocalPeers {
  readonly #peers: Set<string>;
  readonly #loop: CoordinatorLoop;
  readonly #channel: SupervisorChannel;
  readonly #scalings = new Map<number, (reply: CommandReply) => void>();
  #scalingId = 0;

  constructor(peers: readonly string[], loop: CoordinatorLoop, channel: SupervisorChannel) {
    this.#peers = new Set(peers);
    this.#loop = loop;
    this.#channel = channel;
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }

  obey(order: Order): void {
    switch (order.type) {
      case 'lead':
      case 'told':
        return;
      case 'stop':
        return this.#loop.requestStop();
      case 'worker-started':
        this.#peers.add(order.peer);
        return;
      case 'worker-gone':
        // Those that end now were told to: the run is over, and nobody takes their place.
        if (this.#loop.state.phase.name === 'ended') this.#channel.send({ type: 'ending' });
        this.#peers.delete(order.peer);
        return this.#loop.peerGone(order.peer, order.reason);
      case 'given-up':
        return this.#givenUp(order);
      case 'scaled':
        this.#scalings.get(order.id)?.({ ok: order.ok, text: order.text });
        this.#scalings.delete(order.id);
        return;
    }
  }

  /** Asks the supervisor for this many workers. */
  async scale(workers: number): Promise<CommandReply> {
    const id = (this.#scalingId += 1);
    this.#channel.send({ type: 'scale', id, workers });
    return new Promise((resolve) => this.#scalings.set(id, resolve));
  }

  /** Tells the supervisor that nobody takes the place of this worker when it goes. */
  retire(peer: string): void {
    if (this.has(peer)) this.#channel.send({ type: 'retire', peer });
  }

  /**
   * A worker that fails before the first step, in a way that a restart does not change, ends the run: something is
   * wrong with what was asked for. Later the others go on, as long as there are any.
   */
  #givenUp({ failure, final, left }: Extract<Order, { type: 'given-up' }>): void {
    const { state } = this.#loop;
    const hasBegun = state.step > 0 || state.committed > 0;
    if ((final && !hasBegun) || (left === 0 && state.workers.size === 0)) this.#loop.abandon(fromPortable(failure));
  }
}
