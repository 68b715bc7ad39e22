/**
 * Where events go. Reading begins when the first handler is set, so nothing that arrives earlier is lost; nothing is delivered
 * after `close`.
 */
export class EventSlot<Event> {
  #handler: ((event: Event) => void) | undefined;
  #closed = false;
  readonly #onFirst: () => void;

  /** @param onFirst called once, when the first handler is set */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Sets the handler; a later one takes the earlier one's place. */
  set(handler: (event: Event) => void): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (isFirst && !this.#closed) this.#onFirst();
  }

  emit(event: Event): void {
    if (!this.#closed) this.#handler?.(event);
  }

  close(): void {
    this.#closed = true;
  }
}
