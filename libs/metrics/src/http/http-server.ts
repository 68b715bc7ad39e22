/**
 * A small HTTP server for what people and Prometheus may look at: reads only, on the loopback interface unless told,
 * with a bound for all that a stranger could make it hold: connections, headers, time. What is asked for is a word
 * of a table; nothing of a request ever becomes a path.
 */
import { LockstepError } from '@lockstep/config';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** Makes an answer, or takes the response over for as long as its stream goes on. */
export type Route = (request: IncomingMessage, response: ServerResponse) => Answer | Promise<Answer> | null;

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** By path, query excluded. */
  readonly routes: Readonly<Record<string, Route>>;
  /** What other paths answer until all are there; by default that they are not here. */
  readonly meanwhile?: Answer;
  /** What to do about an address that is taken. */
  readonly hint?: string;
}

export interface HttpServer {
  /** For people and scrapers, with a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Serves more paths from now on. */
  add(routes: Readonly<Record<string, Route>>): void;
  /** No more paths come. */
  complete(): void;
  close(): Promise<void>;
}

/** A laptop has a browser and a scraper; anything more is somebody who does not close. */
const CONNECTIONS_MAX = 64;
const HEADERS_MS_MAX = 5_000;
const REQUEST_MS_MAX = 10_000;
const IDLE_MS_MAX = 15_000;
const HEADER_BYTES_MAX = 8_192;

/** Nothing is loaded from elsewhere, shown inside another page, or kept. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

interface Table {
  readonly routes: Map<string, Route>;
  missing: Answer;
}

const NOT_HERE = plain(404, 'not here\n');

/** @throws LockstepError `unavailable` when the address cannot be bound */
export async function serveHttp({ host, port, routes, meanwhile, hint }: HttpServerOptions): Promise<HttpServer> {
  const table: Table = { routes: new Map(Object.entries(routes)), missing: meanwhile ?? NOT_HERE };
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: IDLE_MS_MAX,
      connectionsCheckingInterval: HEADERS_MS_MAX / 2,
    },
    (request, response) => void respond(table, request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, host, port, hint ?? 'give another --metrics-port, 0 for any that is free, or --no-metrics');
  const { port: bound, family } = server.address() as AddressInfo;
  // Whoever watches must not keep a process alive that has nothing left to do.
  server.unref();
  return {
    url: `http://${urlHost(host, family)}:${bound}/`,
    port: bound,
    add: (more) => {
      for (const [path, route] of Object.entries(more)) table.routes.set(path, route);
    },
    complete: () => {
      table.missing = NOT_HERE;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(table: Readonly<Table>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // A body is not asked for and not read.
  request.resume();
  response.on('error', () => undefined);
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return finish(request, response, plain(405, 'only GET\n'));
    }
    const route = table.routes.get(pathOf(request.url ?? ''));
    const answer = route === undefined ? table.missing : await route(request, response);
    if (answer !== null) finish(request, response, answer);
  } catch {
    if (!response.headersSent) finish(request, response, plain(500, 'this failed\n'));
    else response.destroy();
  }
}

function finish({ method }: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(method === 'HEAD' ? undefined : body);
}

export function plain(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** What a browser can open: an address that means all interfaces is none. */
function urlHost(host: string, family: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return family === 'IPv6' && !host.startsWith('[') ? `[${host}]` : host;
}

async function listen(server: Server, host: string, port: number, hint: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw new LockstepError('unavailable', `cannot serve at ${host}:${port}: ${code}`, hint);
  }
}
