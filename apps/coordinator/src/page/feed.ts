/**
 * Server-sent events: each client gets the whole state once and what changes from then on. A client that does not
 * read is dropped before it costs memory, and comes back by itself; so does one that was cut off, and gets what it
 * missed.
 */
import { plain } from '@lockstep/metrics';
import type { Answer } from '@lockstep/metrics';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FeedLog } from './feed-log.js';

const CLIENTS_MAX = 16;
/** More than a snapshot; what a client has not read beyond is not kept for it. */
const UNREAD_BYTES_MAX = 1_000_000;
const BOUNDS = { messagesMax: 500, charactersMax: 500_000 };
/** A browser that lost its connection asks again after this time. */
const RETRY_MS = 1_000;
const FAREWELL_MS = 1_000;

export class Feed {
  readonly #log: FeedLog;
  readonly #snapshot: () => string;
  readonly #clients = new Set<ServerResponse>();

  /**
   * @param life names this life of the server
   * @param snapshot the whole state as JSON on one line
   */
  constructor(life: string, snapshot: () => string) {
    this.#log = new FeedLog(life, BOUNDS);
    this.#snapshot = snapshot;
  }

  get isWatched(): boolean {
    return this.#clients.size > 0;
  }

  /** A route: takes the response over. */
  attach(request: IncomingMessage, response: ServerResponse): Answer | null {
    if (this.#clients.size >= CLIENTS_MAX) return plain(503, 'too many pages watch this run\n');
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return null;
    }
    response.write(`retry: ${RETRY_MS}\n\n`);
    const missed = this.#log.since(lastIdOf(request));
    if (missed === null) response.write(frame('state', this.#snapshot(), this.#log.lastId));
    else for (const { id, data } of missed) response.write(frame('update', data, id));
    this.#clients.add(response);
    response.on('close', () => this.#clients.delete(response));
    return null;
  }

  /** An update, as JSON on one line. */
  send(data: string): void {
    const message = this.#log.push(data);
    this.#write(frame('update', message.data, message.id));
  }

  /** What is true only now, and of no use to whoever comes later; it also shows that the connection lives. */
  sendNow(data: string): void {
    this.#write(frame('update', data, null));
  }

  /** A comment, which keeps whatever is between us awake. */
  beat(): void {
    this.#write(': beat\n\n');
  }

  /** Ends all streams, what was sent before them included. */
  async close(): Promise<void> {
    const clients = [...this.#clients];
    const gone = clients.map((client) => new Promise<void>((resolve) => client.once('close', resolve)));
    for (const client of clients) client.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL_MS)));
    await Promise.race([Promise.all(gone), late]);
    clearTimeout(timer);
    for (const client of clients) client.destroy();
  }

  #write(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > UNREAD_BYTES_MAX) client.destroy();
      else client.write(text);
    }
  }
}

function frame(event: string, data: string, id: string | null): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

/** A browser names the last one it had by itself; a page that opens a new stream names it in the address. */
function lastIdOf({ headers, url }: IncomingMessage): string {
  const header = headers['last-event-id'];
  if (typeof header === 'string') return header;
  return new URLSearchParams((url ?? '').split('?')[1] ?? '').get('last') ?? '';
}
