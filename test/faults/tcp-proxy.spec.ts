/** The proxy does what it says, over plain TCP: a fault that is not injected proves nothing. */
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/lockstep-process.js';
import { TcpProxy } from './tcp-proxy.js';
import type { ProxyOptions } from './tcp-proxy.js';

const open: { destroy(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** One end of a connection, with all that has come. */
class End {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  /** When each piece came. */
  readonly arrivals: number[] = [];
  outcome: 'open' | 'ended' | 'reset' | 'refused' = 'open';

  constructor(socket: Socket) {
    this.socket = socket;
    open.push(socket);
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.arrivals.push(performance.now());
    });
    socket.on('end', () => (this.outcome = 'ended'));
    socket.on('error', (error) => {
      this.outcome = 'code' in error && error.code === 'ECONNREFUSED' ? 'refused' : 'reset';
    });
  }

  has(lengthBytes: number): Promise<unknown> {
    return waitFor(`${lengthBytes} bytes`, () => this.received.length >= lengthBytes);
  }

  comesTo(outcome: End['outcome']): Promise<unknown> {
    return waitFor(`${outcome} (it is ${this.outcome})`, () => this.outcome === outcome);
  }
}

async function setUp(options: ProxyOptions = {}) {
  const servers: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => servers.push(new End(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, options);
  open.push({ destroy: () => server.close() }, { destroy: () => proxy.close() });
  /** A client and the end that the server has of it. */
  const connect = async () => {
    const index = servers.length;
    const client = new End(createConnection({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    client.socket.write('hello');
    const served = await waitFor('a connection', () => servers[index]);
    await served.has(5);
    const connection = proxy.connections.at(-1);
    if (connection === undefined) throw new Error('no connection');
    return { client, served, connection };
  };
  const dial = () => new End(createConnection({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
  return { proxy, servers, connect, dial };
}

const pattern = (lengthBytes: number): Buffer => Buffer.from(Uint8Array.from({ length: lengthBytes }, (_, i) => i * 7));

/** Long enough for loopback to deliver what was not held back. */
const settle = async ({ client, served }: { client: End; served: End }): Promise<void> => {
  const other = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  for (let round = 0; round < 20; round += 1) {
    const probe = createConnection((other.address() as AddressInfo).port, '127.0.0.1');
    probe.end('x');
    await once(probe.resume(), 'end');
  }
  other.close();
  expect([client.socket.destroyed, served.socket.destroyed]).toEqual([false, false]);
};

describe('a proxy without faults', () => {
  it('passes every byte in order, both ways, and the ends one by one', async () => {
    const { proxy, connect } = await setUp();
    const { client, served } = await connect();
    const bytes = pattern(3_000_000);
    client.socket.end(bytes);
    await served.has(5 + bytes.length);
    expect(served.received.subarray(5).equals(bytes)).toBe(true);
    await served.comesTo('ended');
    served.socket.end(bytes);
    await client.comesTo('ended');
    expect(client.received.equals(bytes)).toBe(true);
    expect(proxy.counts).toEqual({
      ...{ connections: 1, resets: 0, passedBytes: 2 * bytes.length + 5 },
      ...{ swallowedBytes: 0, flippedBits: 0, delayedPieces: 0 },
    });
    await waitFor('both sides to be closed', () => proxy.open.length === 0);
  });
});

describe('a dead line', () => {
  it.each(['up', 'down'] as const)('%s: swallows that way only; healed, it is reset', async (direction) => {
    const { proxy, connect } = await setUp();
    const pair = await connect();
    proxy.break(direction, { swallow: true });
    pair.client.socket.write('abc');
    pair.served.socket.write('abcd');
    const [alive, dead] = direction === 'up' ? [pair.client, pair.served] : [pair.served, pair.client];
    await alive.has(direction === 'up' ? 4 : 5 + 3);
    await waitFor('the bytes to be swallowed', () => proxy.counts.swallowedBytes === (direction === 'up' ? 3 : 4));
    expect(dead.received.length).toBe(direction === 'up' ? 5 : 0);
    proxy.heal();
    await Promise.all([pair.client.comesTo('reset'), pair.served.comesTo('reset')]);
    expect(proxy.counts.resets).toBe(1);
    // The next connection works.
    const next = await connect();
    next.served.socket.write('back');
    await next.client.has(4);
  });

  it('both ways: neither side learns that the other has gone, and new connections say nothing', async () => {
    const { proxy, connect, dial, servers } = await setUp();
    const { client, served } = await connect();
    proxy.break('both', { swallow: true });
    client.socket.resetAndDestroy();
    const late = dial();
    late.socket.write('anybody?');
    await waitFor('the question to be swallowed', () => proxy.counts.swallowedBytes === 8);
    expect([served.outcome, late.outcome]).toEqual(['open', 'open']);
    proxy.heal();
    await Promise.all([served.comesTo('reset'), late.comesTo('reset')]);
    expect(servers.map(({ received }) => received.toString())).toEqual(['hello', '']);
  });
});

describe('a line that is held', () => {
  it('stops reading without closing; afterwards everything arrives', async () => {
    const { proxy, connect } = await setUp();
    const pair = await connect();
    proxy.break('up', { hold: true });
    const bytes = pattern(20_000_000);
    let isWritten = false;
    pair.client.socket.write(bytes, () => (isWritten = true));
    pair.served.socket.write('this way is open');
    await pair.client.has(16);
    await settle(pair);
    // The sender's and the proxy's buffers are full, and nothing of it has come.
    expect({ isWritten, received: pair.served.received.length }).toEqual({ isWritten: false, received: 5 });
    proxy.heal();
    await pair.served.has(5 + bytes.length);
    expect(pair.served.received.subarray(5).equals(bytes)).toBe(true);
    expect(proxy.counts).toMatchObject({ resets: 0, swallowedBytes: 0 });
  });
});

describe('a reset', () => {
  it('reaches both sides', async () => {
    const { proxy, connect } = await setUp();
    const first = await connect();
    const second = await connect();
    second.connection.reset();
    await Promise.all([second.client.comesTo('reset'), second.served.comesTo('reset')]);
    expect([first.client.outcome, proxy.counts.resets, proxy.open.length]).toEqual(['open', 1, 1]);
    expect(proxy.resetAll()).toBe(1);
    await first.client.comesTo('reset');
  });

  it('in the middle of a frame: exactly so many bytes arrive', async () => {
    const { proxy, connect } = await setUp();
    const { client, served, connection } = await connect();
    const cut = connection.resetAfter('up', 1234);
    client.socket.write(pattern(200));
    client.socket.write(pattern(100_000));
    await cut;
    // Node calls a reset that comes together with the last bytes an end.
    await waitFor('the server to notice', () => served.outcome !== 'open');
    expect(served.received.length).toBe(5 + 1234);
    expect(proxy.counts).toMatchObject({ resets: 1, passedBytes: 5 + 1234 });
  });

  it('by one side is passed on to the other', async () => {
    const { connect, proxy } = await setUp();
    const { client, served } = await connect();
    served.socket.resetAndDestroy();
    await client.comesTo('reset');
    expect(proxy.counts.resets).toBe(0);
  });
});

describe('a slow line', () => {
  it('delays every piece by the drawn time and keeps the order', async () => {
    const { proxy, connect } = await setUp({ seed: 5 });
    const { client, served } = await connect();
    proxy.break('up', { delayMs: [25, 125] });
    const startedMs = performance.now();
    for (let index = 0; index < 8; index += 1) {
      client.socket.write(Buffer.from([index]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await served.has(5 + 8);
    expect([...served.received.subarray(5)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect((served.arrivals[1] ?? 0) - startedMs).toBeGreaterThanOrEqual(25);
    expect(proxy.counts.delayedPieces).toBeGreaterThan(0);
  });

  it('lets no more than so many bytes a second through', async () => {
    const { proxy, connect } = await setUp();
    const { client, served } = await connect();
    proxy.break('both', { bytesPerSecond: 200_000 });
    const startedMs = performance.now();
    client.socket.write(pattern(50_000));
    await served.has(5 + 50_000);
    // A quarter of a second, less the first piece, which does not wait.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(235);
    expect(served.received.subarray(5).equals(pattern(50_000))).toBe(true);
  });
});

describe('a line that flips bits', () => {
  it('at one offset: one bit of one byte', async () => {
    const { proxy, connect } = await setUp();
    const { client, served, connection } = await connect();
    connection.lanes.up.flipAt(5 + 700);
    client.socket.write(pattern(1000));
    await served.has(5 + 1000);
    const changed = [...pattern(1000)].flatMap((byte, i) => (served.received[5 + i] === byte ? [] : [i]));
    expect({ changed, flipped: proxy.counts.flippedBits }).toEqual({ changed: [700], flipped: 1 });
    expect((served.received[705] ?? 0) ^ (pattern(1000)[700] ?? 0)).toBe(1);
  });

  it('with a probability: as many as it says, at the same offsets for the same seed', async () => {
    const flips = async (seed: number) => {
      const { proxy, connect } = await setUp({ seed });
      const { client, served } = await connect();
      proxy.break('up', { flipProbability: 0.01 });
      client.socket.write(pattern(10_000));
      await served.has(5 + 10_000);
      const changed = [...pattern(10_000)].flatMap((byte, i) => (served.received[5 + i] === byte ? [] : [i]));
      expect(changed.length).toBe(proxy.counts.flippedBits);
      return changed;
    };
    const first = await flips(1);
    expect(first.length).toBeGreaterThan(50);
    expect(first.length).toBeLessThan(200);
    expect(await flips(1)).toEqual(first);
    expect(await flips(2)).not.toEqual(first);
  });
});

describe('a door', () => {
  it('that is closed refuses, and lets those in who come later; who is in stays in', async () => {
    const { proxy, connect, dial } = await setUp();
    const { client, served } = await connect();
    const { port } = proxy;
    proxy.refuse();
    await dial().comesTo('refused');
    client.socket.write('still here');
    await served.has(15);
    await proxy.accept();
    expect(proxy.port).toBe(port);
    await connect();
    expect(proxy.counts.connections).toBe(2);
  });
});
