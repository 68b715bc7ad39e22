/**
 * The coordinator's end of the channel to its supervisor. When it breaks the supervisor is gone, and so is whoever
 * could start workers again or see what happens: the process ends at once, for a run must not go on unseen. The
 * journal and the checkpoints lose nothing by it.
 */
import type { RunEvent, RunView } from './events.js';
import { isOrder } from '../supervise/messages.js';
import type { Assignment, Notice, Order } from '../supervise/messages.js';

/** Events that may wait for a supervisor that is busy or stopped; what comes beyond is not shown. */
const WAITING_EVENTS_MAX = 10_000;

export class SupervisorChannel {
  readonly #die = (): void => void process.kill(process.pid, 'SIGKILL');
  readonly #orders: Order[] = [];
  readonly #stop = new AbortController();
  #onOrder: ((order: Order) => void) | undefined;
  #waiting = 0;
  #unshown = 0;

  constructor() {
    // Ctrl-C on a terminal, and its closing, reach the whole group; what they mean is decided by the supervisor.
    process.on('SIGINT', () => undefined);
    process.on('SIGHUP', () => undefined);
    // It may have died before we came to look.
    if (!process.connected) this.#die();
    process.on('disconnect', this.#die);
    process.on('message', (message) => {
      if (!isOrder(message)) return;
      if (message.type === 'stop') this.askStop();
      if (this.#onOrder === undefined) this.#orders.push(message);
      else this.#onOrder(message);
    });
  }

  /** Waits for what to lead; orders after it wait for `onOrder`. */
  async assignment(): Promise<Assignment> {
    return new Promise((resolve) => {
      const take = (order: Order): void => {
        this.#onOrder = undefined;
        if (order.type === 'lead') resolve(order.assignment);
      };
      const first = this.#orders.shift();
      if (first === undefined) this.#onOrder = take;
      else take(first);
    });
  }

  /** Aborted when the run is to end, before anybody takes orders too. */
  get stopAsked(): AbortSignal {
    return this.#stop.signal;
  }

  askStop(): void {
    this.#stop.abort();
  }

  onOrder(handler: (order: Order) => void): void {
    this.#onOrder = handler;
    for (const order of this.#orders.splice(0)) handler(order);
  }

  send(notice: Notice): void {
    process.send?.(notice, undefined, {}, () => undefined);
  }

  /** A view whose events are shown by the supervisor. */
  view(detailed: boolean): RunView {
    return { show: (event) => this.#show(event, detailed), close: () => undefined };
  }

  /** Says how the run ended, and takes leave: from now on this process may outlive the supervisor. */
  async end(notice: Extract<Notice, { type: 'ended' | 'failed' }>): Promise<void> {
    process.off('disconnect', this.#die);
    await new Promise<void>((resolve) => {
      if (process.connected) process.send?.(notice, undefined, {}, () => resolve());
      else resolve();
    });
    if (process.connected) process.disconnect();
  }

  #show(event: RunEvent, detailed: boolean): void {
    if (!detailed && (event.event === 'assigned' || event.event === 'answered')) return;
    if (this.#waiting >= WAITING_EVENTS_MAX) {
      this.#unshown += 1;
      return;
    }
    if (this.#unshown > 0) {
      const text = `${this.#unshown} events were not shown: nobody took them`;
      this.#unshown = 0;
      this.#show({ event: 'warning', text }, detailed);
    }
    this.#waiting += 1;
    process.send?.({ type: 'event', event } satisfies Notice, undefined, {}, () => (this.#waiting -= 1));
  }
}
