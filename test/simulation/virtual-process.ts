/**
 * A process of the simulation: whatever reaches the code inside comes through it. Killed, nothing reaches it and
 * nothing leaves it any more; paused, what reaches it waits, as with SIGSTOP.
 */
import type { ClientTransport, PeerClient, Clock, ServerTransport } from '@lockstep/runtime';

export class VirtualProcess {
  readonly name: string;
  readonly clock: Clock;
  #isAlive = true;
  #isPaused = false;
  #waiting: (() => void)[] = [];
  readonly #onKilled: (() => void)[] = [];

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.clock = {
      now: () => clock.now(),
      after: (delayMs, callback) => {
        let isCancelled = false;
        const cancel = clock.after(delayMs, () => this.enter(() => !isCancelled && callback()));
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs code of this process; later, when it is paused; never, when it is dead. */
  enter(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) this.#waiting.push(callback);
    else callback();
  }

  /** What the system does when the process ends, by itself or not: its sockets close. */
  onEnd(callback: () => void): void {
    this.#onKilled.push(callback);
  }

  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#waiting = [];
    for (const callback of this.#onKilled) callback();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, callback] of waiting.entries()) {
      // A callback may pause or end it again.
      if (this.#isPaused) this.#waiting.push(...waiting.slice(index));
      if (this.#isPaused || !this.#isAlive) return;
      callback();
    }
  }

  /** A server whose events come in, and whose messages leave, through this process. */
  serve(inner: ServerTransport): ServerTransport {
    return {
      endpoint: inner.endpoint,
      send: (peer, frames) => this.#isAlive && inner.send(peer, frames),
      drop: (peer) => this.#isAlive && inner.drop(peer),
      onEvent: (handler) => inner.onEvent((event) => this.enter(() => handler(event))),
      close: (lingerMs) => inner.close(lingerMs),
    };
  }

  connect(inner: ClientTransport & PeerClient): ClientTransport & PeerClient {
    return {
      // A process that stands still gives no memory.
      onRoom: (handler) => inner.onRoom?.((...about) => (this.#isAlive && !this.#isPaused ? handler(...about) : null)),
      send: (frames) => this.#isAlive && inner.send(frames),
      onEvent: (handler) => inner.onEvent((event) => this.enter(() => handler(event))),
      reconnect: (reason) => this.#isAlive && inner.reconnect(reason),
      close: (lingerMs) => inner.close(lingerMs),
    };
  }
}
