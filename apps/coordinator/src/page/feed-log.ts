/**
 * The latest messages of a feed, numbered, so that a client that was away for a moment gets what it missed. What is
 * older is forgotten: whoever needs it gets the whole state anew. A number is of one life of the server: the name of
 * that life is part of it.
 */

export interface FeedMessage {
  readonly id: string;
  readonly data: string;
}

export interface FeedBounds {
  readonly messagesMax: number;
  readonly charactersMax: number;
}

export class FeedLog {
  readonly #life: string;
  readonly #bounds: FeedBounds;
  #messages: FeedMessage[] = [];
  #characters = 0;
  #next = 1;

  /** @param life names this life of the server; a word without a dot */
  constructor(life: string, bounds: FeedBounds) {
    this.#life = life;
    this.#bounds = bounds;
  }

  /** The id of the latest message, also when it is forgotten. */
  get lastId(): string {
    return `${this.#life}.${this.#next - 1}`;
  }

  push(data: string): FeedMessage {
    const message = { id: `${this.#life}.${this.#next}`, data };
    this.#next += 1;
    this.#messages.push(message);
    this.#characters += data.length;
    const { messagesMax, charactersMax } = this.#bounds;
    while (this.#messages.length > messagesMax || this.#characters > charactersMax) {
      this.#characters -= this.#messages.shift()?.data.length ?? 0;
    }
    return message;
  }

  /** Messages after one that a client has; null when they are not known here, all of them. */
  since(id: string): readonly FeedMessage[] | null {
    const [life, number = ''] = id.split('.');
    if (life !== this.#life || !/^\d{1,15}$/.test(number)) return null;
    const had = Number(number);
    const missed = this.#next - 1 - had;
    if (missed < 0 || missed > this.#messages.length) return null;
    return missed === 0 ? [] : this.#messages.slice(-missed);
  }
}
