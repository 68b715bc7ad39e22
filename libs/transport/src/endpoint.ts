/**
 * Endpoints in and out: `tcp://HOST:PORT` and `ipc://PATH`, what of them ZeroMQ can bind, and what peers can connect
 * to.
 */
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { LockstepError } from '@lockstep/config';

export interface TcpEndpoint {
  readonly scheme: 'tcp';
  /** Without brackets; `*` is every interface. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface IpcEndpoint {
  readonly scheme: 'ipc';
  readonly path: string;
}

export type Endpoint = TcpEndpoint | IpcEndpoint;

/** A socket path longer than this does not fit the system's address structure (108 bytes with the ending zero). */
const IPC_PATH_BYTES_MAX = 107;
/** What to do about an address that is not ours. */
export const OWN_ADDRESS = 'bind an address or an interface of this machine, or 0.0.0.0 for all of them';

/** @throws LockstepError `usage` when the text is no endpoint */
export function parseEndpoint(text: string): Endpoint {
  const ipc = /^ipc:\/\/(.+)$/.exec(text);
  if (ipc?.[1] !== undefined) {
    if (Buffer.byteLength(ipc[1]) > IPC_PATH_BYTES_MAX) {
      const what = `the socket path of ${text} is longer than ${IPC_PATH_BYTES_MAX} bytes`;
      throw new LockstepError('usage', what, 'use a shorter one');
    }
    return { scheme: 'ipc', path: ipc[1] };
  }
  const tcp = /^tcp:\/\/(?:\[([0-9a-fA-F:.%\w]+)\]|([^[\]:/\s;]+)):(\d{1,5}|\*)$/.exec(text);
  const host = tcp?.[1] ?? tcp?.[2];
  if (host === undefined || tcp?.[3] === undefined) throw malformed(text);
  const port = tcp[3] === '*' ? 0 : Number(tcp[3]);
  if (port > 65_535) throw malformed(text);
  return { scheme: 'tcp', host, port };
}

export function malformed(text: string): LockstepError {
  return new LockstepError('usage', `not an endpoint: ${JSON.stringify(text)}`, 'write tcp://HOST:PORT or ipc://PATH');
}

/**
 * The endpoint to connect to: one place, not a wildcard.
 * @throws LockstepError `usage` when the text is no endpoint or names no single place
 */
export function parseDestination(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint.scheme === 'tcp' && (endpoint.port === 0 || ['*', '0.0.0.0', '::'].includes(endpoint.host))) {
    const hint = 'name the host and port that the coordinator printed';
    throw new LockstepError('usage', `cannot connect to ${text}: not one place`, hint);
  }
  return endpoint;
}

/** Whether the socket needs IPv6 switched on for this endpoint. */
export function needsIpv6(endpoint: Endpoint): boolean {
  return endpoint.scheme === 'tcp' && endpoint.host.includes(':');
}

export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.scheme === 'ipc') return `ipc://${endpoint.path}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port === 0 ? '*' : endpoint.port}`;
}

/**
 * The endpoint to bind: ZeroMQ binds addresses and interface names, not host names, so these are looked up here; and
 * it takes a socket path away from whoever serves it, so that is refused here.
 * @throws LockstepError `unavailable` when the name has no address or the path is in use
 */
export async function bindable(endpoint: Endpoint): Promise<Endpoint> {
  if (endpoint.scheme === 'ipc') {
    if (await isServed(endpoint.path)) throw inUse(formatEndpoint(endpoint), 'pick another path');
    return endpoint;
  }
  if (endpoint.host === '*' || isIP(endpoint.host) !== 0) return endpoint;
  if (networkInterfaces()[endpoint.host] !== undefined) return endpoint;
  try {
    const { address } = await lookup(endpoint.host);
    return { ...endpoint, host: address };
  } catch (cause) {
    throw new LockstepError('unavailable', `cannot find an address for ${endpoint.host}`, OWN_ADDRESS, { cause });
  }
}

/** @param what the endpoint, as it was asked for */
export function inUse(what: string, hint: string, cause?: unknown): LockstepError {
  return new LockstepError('unavailable', `cannot bind ${what}: the address is in use`, hint, { cause });
}

/** Whether a process listens at a socket path; a file left behind by one that died is not served. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: path.startsWith('@') ? `\0${path.slice(1)}` : path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** What peers on other machines can connect to: a wildcard address is replaced by one of this machine's own. */
export function connectable(endpoint: Endpoint): Endpoint {
  if (endpoint.scheme === 'ipc') return endpoint;
  if (endpoint.host === '0.0.0.0') return { ...endpoint, host: ownAddress('IPv4') ?? '127.0.0.1' };
  if (endpoint.host === '::') return { ...endpoint, host: ownAddress('IPv4') ?? ownAddress('IPv6') ?? '::1' };
  return endpoint;
}

function ownAddress(family: 'IPv4' | 'IPv6'): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family: its, internal, scopeid } of addresses ?? []) {
      if (its === family && !internal && (scopeid ?? 0) === 0) return address;
    }
  }
  return undefined;
}
