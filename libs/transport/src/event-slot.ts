/**
 * Where events go. Messages are read only once a handler is set, so nothing that arrives earlier is lost; the few
 * events about the connection itself that come before it are kept for it. Nothing is delivered after `close`.
 */
import { EARLY_EVENTS_MAX } from './limits.js';

export class EventSlot<Event> {
  #handler: ((event: Event) => void) | undefined;
  #early: Event[] = [];
  #closed = false;
  readonly #onFirst: () => void;

  /** @param onFirst called once, when the first handler is set */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether somebody takes events, so that messages may be read. */
  get isListening(): boolean {
    return this.#handler !== undefined && !this.#closed;
  }

  /** Sets the handler; a later one takes the earlier one's place. Early events follow in a microtask of their own. */
  set(handler: (event: Event) => void): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (!isFirst || this.#closed) return;
    queueMicrotask(() => {
      for (const event of this.#early.splice(0)) this.emit(event);
      if (!this.#closed) this.#onFirst();
    });
  }

  emit(event: Event): void {
    if (this.#closed) return;
    if (this.#handler !== undefined) this.#handler(event);
    else if (this.#early.push(event) > EARLY_EVENTS_MAX) this.#early.shift();
  }

  close(): void {
    this.#closed = true;
  }
}
