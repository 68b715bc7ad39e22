/** Where a worker listens for others: at its address towards the coordinator, for the others come that way, too. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const LOOPBACK = '127.0.0.1';
/** An address is chosen by the system's routes; nothing is sent. */
const ADDRESS_DEADLINE_MS = 5_000;

/**
 * The endpoint to bind, with a free port.
 * @param coordinator for example `tcp://10.0.0.1:5555`; on another kind of endpoint all are on this machine
 */
export async function peerEndpoint(coordinator: string): Promise<string> {
  const found = /^tcp:\/\/\[?([^\]]+)\]?:(\d+)$/.exec(coordinator);
  const [, host = '', port = ''] = found ?? [];
  const address = found === null ? LOOPBACK : await addressTowards(host, Number(port));
  return `tcp://${address.includes(':') ? `[${address}]` : address}:0`;
}

async function addressTowards(host: string, port: number): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const connected = once(socket, 'connect', { signal: AbortSignal.timeout(ADDRESS_DEADLINE_MS) });
    socket.connect(port, host);
    await connected;
    return socket.address().address;
  } finally {
    socket.close();
  }
}
