/** Whole messages are lost, doubled, held, swapped and shortened on a real ZeroMQ connection. */
import { afterEach, describe, expect, it } from 'vitest';
import { Dealer, Router } from 'zeromq';
import { waitFor } from '../cluster/lockstep-process.js';
import { TcpProxy } from './tcp-proxy.js';
import { ZmtpFaults } from './zmtp.js';
import type { Fate, ZmtpMessage } from './zmtp.js';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

/** A dealer that sends through the proxy to a router; `texts` are the messages that arrived, frames joined by `|`. */
async function setUp(decide: (message: ZmtpMessage) => Fate) {
  const router = new Router({ linger: 0 });
  await router.bind('tcp://127.0.0.1:0');
  const port = Number(/:(\d+)$/.exec(router.lastEndpoint ?? '')?.[1]);
  const faults = new ZmtpFaults(decide);
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port }, { rewrite: faults.rewrite });
  const dealer = new Dealer({ linger: 0, routingId: 'worker' });
  dealer.connect(proxy.endpoint);
  closing.push(
    () => router.close(),
    () => proxy.close(),
    () => dealer.close(),
  );
  const texts: string[] = [];
  const read = async (): Promise<void> => {
    for await (const [, ...frames] of router) texts.push(frames.map((frame) => frame.toString()).join('|'));
  };
  void read().catch(() => undefined);
  const arrive = (count: number) => waitFor(`${count} messages`, () => texts.length >= count);
  return { router, dealer, proxy, faults, texts, arrive };
}

const up =
  (fates: Readonly<Record<number, Fate>>) =>
  ({ direction, index }: ZmtpMessage): Fate =>
    direction === 'up' ? (fates[index] ?? 'pass') : 'pass';

async function sendAll(dealer: Dealer, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await dealer.send([`head ${index}`, `body ${index}`]);
}

const message = (index: number): string => `head ${index}|body ${index}`;

describe('messages on the line', () => {
  it('pass unchanged, of any size and number of frames, both ways', async () => {
    const { dealer, router, texts, faults, arrive } = await setUp(() => 'pass');
    const long = 'x'.repeat(3_000_000);
    await dealer.send(['a', '', 'b'.repeat(255), 'c'.repeat(256)]);
    await dealer.send(long);
    await arrive(2);
    expect(texts).toEqual([`a||${'b'.repeat(255)}|${'c'.repeat(256)}`, long]);
    await router.send(['worker', 'back', long]);
    expect((await dealer.receive()).map((frame) => frame.toString())).toEqual(['back', long]);
    expect(faults.counts).toMatchObject({ pass: 3, drop: 0 });
  });

  it.each([
    ['drop', { 1: 'drop' }, [0, 2, 3]],
    ['duplicate', { 1: 'duplicate' }, [0, 1, 1, 2, 3]],
    ['swap', { 1: 'swap' }, [0, 2, 1, 3]],
    ['swap, two in a row', { 0: 'swap', 1: 'swap' }, [2, 0, 1, 3]],
  ] as const)('%s', async (_, fates, expected) => {
    const { dealer, texts, faults, arrive } = await setUp(up(fates));
    await sendAll(dealer, 4);
    await arrive(expected.length);
    expect(texts).toEqual(expected.map(message));
    const [fate] = Object.values(fates);
    expect(faults.counts[fate]).toBe(Object.keys(fates).length);
  });

  it('truncate: the last frame is half as long, the others are whole', async () => {
    const { dealer, texts, arrive } = await setUp(up({ 1: 'truncate' }));
    await sendAll(dealer, 3);
    await arrive(3);
    expect(texts).toEqual([message(0), 'head 1|bod', message(2)]);
  });

  it('hold: comes when it is let go, much later', async () => {
    const { dealer, texts, faults, arrive } = await setUp(up({ 0: 'hold', 2: 'hold' }));
    await sendAll(dealer, 4);
    await arrive(2);
    expect(texts).toEqual([message(1), message(3)]);
    expect(faults.release()).toBe(2);
    await arrive(4);
    expect(texts.slice(2)).toEqual([message(0), message(2)]);
    expect(faults.release()).toBe(0);
  });

  it('are picked by what they say', async () => {
    const { dealer, texts, arrive } = await setUp(({ frames }) => (frames[0]?.includes('2') ? 'drop' : 'pass'));
    await sendAll(dealer, 4);
    await arrive(3);
    expect(texts).toEqual([0, 1, 3].map(message));
  });

  it('are read anew on a new connection', async () => {
    const { dealer, proxy, texts, arrive } = await setUp(({ connection, index }) =>
      connection === 1 && index === 0 ? 'duplicate' : 'pass',
    );
    await sendAll(dealer, 1);
    await arrive(1);
    expect(proxy.resetAll()).toBe(1);
    await waitFor('another connection', () => proxy.open.length === 1);
    await sendAll(dealer, 1);
    await arrive(3);
    expect(texts).toEqual([message(0), message(0), message(0)]);
  });
});
