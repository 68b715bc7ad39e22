/** Both ends of a link, over real sockets. */
import type { ClientEvent, Frames, PeerClient, PeerServer, ServerEvent } from '@lockstep/runtime';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectPeerClient } from './client.js';
import { prefixOf } from './framing.js';
import { bindPeerServer } from './server.js';
import { GREETING } from './socket.js';

const BOUNDS = { maxFrameBytes: 1 << 20, queueBytesMax: 1 << 24 };
const HERE: Frames = [Uint8Array.of(1)];
const WAIT = { timeout: 10_000, interval: 5 };

const open: { close: (lingerMs: number) => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((end) => end.close(0)));
});

async function server(bounds: Partial<typeof BOUNDS> = {}): Promise<{ end: PeerServer; events: ServerEvent[] }> {
  const end = await bindPeerServer({ endpoint: 'tcp://127.0.0.1:0', ...BOUNDS, ...bounds });
  open.push(end);
  const events: ServerEvent[] = [];
  end.onEvent((event) => events.push(event));
  return { end, events };
}

/** Frames that are received are written to again, so they are kept as copies. */
function client(endpoint: string, peerId = 'w>1'): { end: PeerClient; events: ClientEvent[] } {
  const end = connectPeerClient({ endpoint, peerId, maxFrameBytes: BOUNDS.maxFrameBytes });
  open.push(end);
  const events: ClientEvent[] = [];
  end.onEvent((event) => {
    if (event.type === 'connected') end.send(HERE);
    events.push(event.type === 'message' ? { ...event, frames: event.frames.map((frame) => frame.slice()) } : event);
  });
  return { end, events };
}

async function linked(bounds: Partial<typeof BOUNDS> = {}) {
  const sender = await server(bounds);
  const receiver = client(sender.end.endpoint);
  await vi.waitFor(() => expect(sender.events).toContainEqual(expect.objectContaining({ type: 'message' })), WAIT);
  return { sender, receiver };
}

const hash = (frame: Uint8Array): string => createHash('sha256').update(frame).digest('hex');
const portOf = (endpoint: string): number => Number(/\d+$/.exec(endpoint)?.[0]);

describe('a link among workers', () => {
  it('names the one that listens, and brings it what is sent, in order', async () => {
    const { sender, receiver } = await linked();
    const sent = Array.from({ length: 40 }, (_, index) => [
      Uint8Array.of(index),
      new Uint8Array(index * 25_000).fill(index),
    ]);
    for (const frames of sent) sender.end.send('w>1', frames);
    const messages = (): readonly ClientEvent[] => receiver.events.filter(({ type }) => type === 'message');
    await vi.waitFor(() => expect(messages()).toHaveLength(sent.length), WAIT);
    const digests = (all: readonly Frames[]): string[][] => all.map((frames) => frames.map(hash));
    expect(digests(messages().map((event) => ('frames' in event ? event.frames : [])))).toEqual(digests(sent));
    expect(sender.events[0]).toMatchObject({ type: 'message', peer: 'w>1' });
  });

  it('tells the sender when the receiver is gone, and the receiver when the sender is', async () => {
    const first = await linked();
    await first.receiver.end.close(0);
    await vi.waitFor(() => expect(first.sender.events.at(-1)).toMatchObject({ type: 'gone', peer: 'w>1' }), WAIT);
    const second = await linked();
    await second.sender.end.close(0);
    await vi.waitFor(() => expect(second.receiver.events.at(-1)).toMatchObject({ type: 'disconnected' }), WAIT);
  });

  it('says that nobody is there', async () => {
    const { end } = await server();
    await end.close(0);
    const { events } = client(end.endpoint);
    await vi.waitFor(() => expect(events).toEqual([{ type: 'disconnected', reason: expect.any(String) }]), WAIT);
    const other = await server();
    other.end.send('nobody', HERE);
    await vi.waitFor(() =>
      expect(other.events).toEqual([{ type: 'gone', peer: 'nobody', reason: expect.any(String) }]),
    );
  });

  it('sends the last bytes before it closes', async () => {
    const { sender, receiver } = await linked();
    sender.end.send('w>1', [new Uint8Array(1 << 20).fill(7)]);
    await sender.end.close(5_000);
    await vi.waitFor(() => expect(receiver.events.at(-1)).toMatchObject({ type: 'disconnected' }), WAIT);
    expect(receiver.events.at(-2)).toMatchObject({ type: 'message' });
  });

  it('ends a receiver that takes nothing, when what waits for it passes the bound', async () => {
    const sender = await server({ queueBytesMax: 1 << 20 });
    const socket = connect(portOf(sender.end.endpoint), '127.0.0.1');
    for (const frames of [[GREETING, 'slow>1'], ['here']]) {
      const bytes = frames.map((text) => new TextEncoder().encode(text));
      for (const part of [prefixOf(bytes), ...bytes]) socket.write(part);
    }
    socket.pause();
    await vi.waitFor(() => expect(sender.events).toContainEqual(expect.objectContaining({ type: 'message' })), WAIT);
    for (let count = 0; count < 64; count += 1) sender.end.send('slow>1', [new Uint8Array(1 << 20)]);
    await vi.waitFor(() => expect(sender.events.at(-1)).toMatchObject({ type: 'gone', peer: 'slow>1' }), WAIT);
    socket.destroy();
  });

  it.each([
    ['no greeting', 'GET / HTTP/1.1\r\n\r\n'],
    [
      'another greeting',
      Buffer.concat([prefixOf([Buffer.from('hello'), Buffer.from('w>2')]), Buffer.from('hellow>2')]),
    ],
    ['an endless name', Buffer.from([2, 0, 0, 0, 20, 0, 0, 0, 255, 255, 0, 0])],
  ])('shows a stranger with %s the door, and nothing else', async (_, bytes) => {
    const { sender, receiver } = await linked();
    const stranger = connect(portOf(sender.end.endpoint), '127.0.0.1');
    stranger.on('error', () => undefined);
    stranger.write(bytes);
    stranger.resume();
    await once(stranger, 'close');
    sender.end.send('w>1', [Uint8Array.of(5)]);
    await vi.waitFor(() => expect(receiver.events.at(-1)).toMatchObject({ type: 'message' }), WAIT);
    expect(sender.events.filter(({ type }) => type === 'gone')).toEqual([]);
  });

  it('ends with a sender that speaks something else', async () => {
    const web = createServer(
      (socket) => void socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { events } = client(`tcp://127.0.0.1:${(web.address() as AddressInfo).port}`);
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'disconnected' }), WAIT);
    expect(events.filter(({ type }) => type === 'message')).toEqual([]);
    web.close();
  });

  it('refuses an address that is in use, and an endpoint that is none', async () => {
    const { end } = await server();
    await expect(bindPeerServer({ endpoint: end.endpoint, ...BOUNDS })).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(bindPeerServer({ endpoint: 'nonsense', ...BOUNDS })).rejects.toMatchObject({ kind: 'usage' });
    expect(() => client('tcp://*:5')).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});
