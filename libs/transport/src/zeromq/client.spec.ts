import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ClientEvent, Frames } from '@lockstep/runtime';
import { describe, expect, it } from 'vitest';
import { connectZeroMQClient } from './client.js';
import { bindZeroMQServer } from './server.js';

describe('connectZeroMQClient', () => {
  it.each(['tcp://nowhere', 'tcp://*:5555', 'tcp://127.0.0.1:0', 'tcp://0.0.0.0:5555', 'ipc://'])(
    'refuses %s as a mistake of the user',
    async (endpoint) => {
      const client = connectZeroMQClient({ endpoint, peerId: 'w', maxFrameBytes: 1000 });
      await expect(client).rejects.toMatchObject({ name: 'LockstepError', kind: 'usage' });
    },
  );

  it.each(['', 'two words', 'caf\u00e9', 'x'.repeat(129)])('refuses %j as an id of a peer', async (peerId) => {
    const client = connectZeroMQClient({ endpoint: 'tcp://127.0.0.1:1', peerId, maxFrameBytes: 1000 });
    await expect(client).rejects.toMatchObject({ kind: 'internal' });
  });

  it('keeps trying while something else answers at its endpoint, and loses nothing by it', async () => {
    // Proxies do this while what they stand for is not there yet.
    let refusals = 0;
    const proxy = createServer((socket) => {
      refusals += 1;
      socket.destroy();
      proxy.emit('refused');
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address();
    const endpoint = `tcp://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;

    const events: ClientEvent['type'][] = [];
    const client = await connectZeroMQClient({ endpoint, peerId: 'w', maxFrameBytes: 1000 });
    client.onEvent((event) => events.push(event.type));
    client.send([Uint8Array.of(5)]);
    // Told to, it tries at once: the pauses alone would add up to more than this test may take.
    for (let asked = 1; asked <= 8; asked += 1) {
      while (refusals < asked) await once(proxy, 'refused');
      client.reconnect('told to look');
    }
    expect(events).toEqual([]);
    proxy.close();
    await once(proxy, 'close');

    const server = await bindZeroMQServer({ endpoint, maxFrameBytes: 1000 });
    const first = await new Promise<Frames>((resolve) =>
      server.onEvent((event) => event.type === 'message' && resolve(event.frames)),
    );
    expect(first.map((frame) => [...frame])).toEqual([[5]]);
    expect(events).toEqual(['connected']);
    await Promise.all([client.close(0), server.close(0)]);
  });
});
