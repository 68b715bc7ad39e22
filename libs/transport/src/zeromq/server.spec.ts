import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ClientTransport, ServerTransport } from '@lockstep/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { connectZeroMQClient } from './client.js';
import { parseEndpoint } from '../endpoint.js';
import { commonSocketOptions } from './options.js';
import { bindZeroMQServer } from './server.js';

const open: (ServerTransport | ClientTransport)[] = [];
afterEach(() => Promise.all(open.splice(0).map((end) => end.close(0))));

async function bind(endpoint: string): Promise<ServerTransport> {
  const server = await bindZeroMQServer({ endpoint, maxFrameBytes: 1000 });
  open.push(server);
  return server;
}

/** Whether a message sent to the endpoint that a server reports arrives there. */
async function isReachable(server: ServerTransport): Promise<boolean> {
  const arrived = new Promise<boolean>((resolve) => server.onEvent((event) => resolve(event.type === 'message')));
  const client = await connectZeroMQClient({ endpoint: server.endpoint, peerId: 'w', maxFrameBytes: 1000 });
  open.push(client);
  client.send([Uint8Array.of(1)]);
  return arrived;
}

describe('bindZeroMQServer', () => {
  it.each(['tcp://127.0.0.1:0', 'tcp://127.0.0.1:*', 'tcp://localhost:0', 'tcp://0.0.0.0:0', 'tcp://*:0'])(
    'binds %s and reports an endpoint that peers reach',
    async (endpoint) => {
      const server = await bind(endpoint);
      expect(server.endpoint).toMatch(/^tcp:\/\/(?!0\.0\.0\.0)[^*]+:[1-9]\d*$/);
      expect(await isReachable(server)).toBe(true);
    },
  );

  it('binds an interface by name', async () => {
    const loopback = Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.[0]?.internal === true);
    const server = await bind(`tcp://${loopback?.[0] ?? 'lo'}:0`);
    expect(server.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(await isReachable(server)).toBe(true);
  });

  it('binds IPv6 where the machine has it', async ({ skip }) => {
    const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
    if (!hasIpv6) skip('this machine has no IPv6 loopback');
    const server = await bind('tcp://[::1]:0');
    expect(server.endpoint).toMatch(/^tcp:\/\/\[::1\]:[1-9]\d*$/);
    expect(await isReachable(server)).toBe(true);
  });

  it('says that a port is taken, by whomever, and what to do', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const address = stranger.address();
    const endpoint = `tcp://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
    await expect(bind(endpoint)).rejects.toMatchObject({
      kind: 'unavailable',
      message: `cannot bind ${endpoint}: the address is in use`,
      hint: 'pick another port, or 0 for a free one',
    });
    stranger.close();
  });

  it.each([
    // Kept free for documentation: no machine has it.
    ['tcp://192.0.2.1:5555', /not an address of this machine/],
    ['tcp://no-such-host.invalid:5555', /no-such-host\.invalid/],
    ['ipc:///no/such/folder/run.sock', /folder does not exist/],
  ])('refuses %s as unavailable', async (endpoint, message) => {
    const refused = bind(endpoint);
    await expect(refused).rejects.toMatchObject({ name: 'LockstepError', kind: 'unavailable' });
    await expect(refused).rejects.toThrow(message);
  });

  it('refuses a malformed endpoint as a mistake of the user', async () => {
    await expect(bind('tcp://nowhere')).rejects.toMatchObject({ name: 'LockstepError', kind: 'usage' });
  });

  it('takes over a socket file that a dead process left behind, and no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-ipc-'));
    const endpoint = `ipc://${join(folder, 'run.sock')}`;
    writeFileSync(join(folder, 'run.sock'), '');
    const server = await bind(endpoint);
    expect(await isReachable(server)).toBe(true);
    await expect(bind(endpoint)).rejects.toMatchObject({ kind: 'unavailable' });
    await server.close(0);
    expect(await isReachable(await bind(endpoint))).toBe(true);
    rmSync(folder, { recursive: true });
  });
});

describe('the socket options', () => {
  it('leave the heartbeats of ZeroMQ off: they abort the process when a peer leaves unread messages', () => {
    const options = commonSocketOptions({ endpoint: 'tcp://a:1', maxFrameBytes: 5 }, parseEndpoint('tcp://a:1'));
    expect(Object.keys(options).filter((name) => name.startsWith('heartbeat'))).toEqual([]);
    expect(options).toMatchObject({ maxMessageSize: 5, linger: 0, tcpKeepalive: 1 });
  });
});
