/**
 * The stream of updates. A browser comes back by itself after most failures, but not after all, and never notices a
 * connection that died without a word: here every silence ends in a new attempt, which names the last update it had.
 */

export interface ConnectionEvents {
  /** The whole state, as JSON. */
  readonly onState: (json: string) => void;
  /** One update, as JSON. */
  readonly onUpdate: (json: string) => void;
  readonly onLink: (link: Link) => void;
}

export type Link = 'connecting' | 'live' | 'lost';

const LOOK_EVERY_MS = 1_000;
/** The server says something every second. */
const SILENT_MS = 5_000;

export class Connection {
  readonly #address: string;
  readonly #events: ConnectionEvents;
  #source: EventSource | undefined;
  #lastId = '';
  #heardAtMs = 0;
  #timer: number | undefined;

  constructor(address: string, events: ConnectionEvents) {
    this.#address = address;
    this.#events = events;
  }

  open(): void {
    this.#events.onLink('connecting');
    this.#connect();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** For a run that has ended: nobody will answer any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#source?.close();
  }

  #connect(): void {
    this.#source?.close();
    this.#heardAtMs = performance.now();
    const source = new EventSource(`${this.#address}?last=${encodeURIComponent(this.#lastId)}`);
    this.#source = source;
    source.addEventListener('state', (event: MessageEvent<string>) => this.#heard(event, this.#events.onState));
    source.addEventListener('update', (event: MessageEvent<string>) => this.#heard(event, this.#events.onUpdate));
    source.addEventListener('error', () => {
      if (source === this.#source) this.#events.onLink('lost');
    });
  }

  #heard({ data, lastEventId }: MessageEvent<string>, take: (json: string) => void): void {
    this.#heardAtMs = performance.now();
    if (lastEventId !== '') this.#lastId = lastEventId;
    this.#events.onLink('live');
    take(data);
  }

  #look(): void {
    const isClosed = this.#source?.readyState === EventSource.CLOSED;
    if (!isClosed && performance.now() - this.#heardAtMs < SILENT_MS) return;
    this.#events.onLink('lost');
    this.#connect();
  }
}
