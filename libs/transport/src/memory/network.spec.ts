import type { ClientEvent, ClientTransport, Clock, ServerEvent, ServerTransport } from '@lockstep/runtime';
import { describe, expect, it } from 'vitest';
import { createMemoryNetwork } from './index.js';
import type { MemoryFaults, MemoryNetwork } from './index.js';

/** Time that passes only when told; callbacks run in order of their time, then of their making. */
class VirtualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((its) => its !== timer));
  }

  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((its) => its !== next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

interface World {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly server: ServerTransport;
  readonly client: ClientTransport;
  /** What both ends reported, with its time. */
  readonly story: string[];
}

const MAX_FRAME_BYTES = 1000;

function tell(event: ServerEvent | ClientEvent): string {
  const peer = 'peer' in event ? `${event.peer} ` : '';
  return peer + (event.type === 'message' ? String(event.frames[0]?.[0]) : event.type);
}

async function world(options: { seed?: number; faults?: MemoryFaults } = {}): Promise<World> {
  const clock = new VirtualClock();
  const network = createMemoryNetwork({ seed: 1, clock, ...options });
  const story: string[] = [];
  const log = (end: string) => (event: ServerEvent | ClientEvent) =>
    void story.push(`${clock.now().toFixed(1)} ${end}: ${tell(event)}`);
  const server = network.bind({ maxFrameBytes: MAX_FRAME_BYTES });
  server.onEvent(log('server'));
  const client = network.connect({ endpoint: server.endpoint, peerId: 'w', maxFrameBytes: MAX_FRAME_BYTES });
  client.onEvent(log('client'));
  await clock.advance(1);
  return { clock, network, server, client, story };
}

function sendNumbers(client: ClientTransport, count: number): void {
  for (let number = 0; number < count; number += 1) client.send([Uint8Array.of(number)]);
}

function numbersAt(story: readonly string[], end: string): number[] {
  const lines = story.map((line) => /^\S+ (\w+): (?:w )?(\d+)$/.exec(line));
  return lines.filter((match) => match?.[1] === end).map((match) => Number(match?.[2]));
}

describe('the in-memory network', () => {
  it('takes no time and loses nothing without faults', async () => {
    const { clock, client, server, story } = await world();
    sendNumbers(client, 3);
    await clock.advance(0);
    server.send('w', [Uint8Array.of(9)]);
    await clock.advance(0);
    expect(story).toEqual([
      ...['0.0 client: connected', '1.0 server: w 0', '1.0 server: w 1', '1.0 server: w 2'],
      '1.0 client: 9',
    ]);
  });

  it('delays within the range and keeps the order of a direction', async () => {
    const { clock, client, story } = await world({ faults: { delayMs: [10, 50] } });
    sendNumbers(client, 100);
    await clock.advance(100);
    const times = story.slice(1).map((line) => Number(line.split(' ')[0]));
    expect(numbersAt(story, 'server')).toEqual(Array.from({ length: 100 }, (_, number) => number));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(11);
    expect(times.at(-1)).toBeLessThanOrEqual(51);
  });

  it('loses and doubles about as many messages as it is told to', async () => {
    const { clock, client, story } = await world({ faults: { loss: 0.3, duplicate: 0.2 } });
    for (let round = 0; round < 10; round += 1) {
      sendNumbers(client, 200);
      await clock.advance(1);
    }
    const arrived = numbersAt(story, 'server');
    const doubled = arrived.filter((number, index) => number === arrived[index - 1]).length;
    // 2000 draws: five standard deviations are about 0.05.
    expect((arrived.length - doubled) / 2000).toBeCloseTo(0.7, 1);
    expect(doubled / (arrived.length - doubled)).toBeCloseTo(0.2, 1);
  });

  it('tells the same story for the same seed, and another for another', async () => {
    const faults = { loss: 0.1, duplicate: 0.1, breakage: 0.02, delayMs: [1, 30] } as const;
    const play = async (seed: number): Promise<string[]> => {
      const { clock, client, server, story } = await world({ seed, faults });
      for (let round = 0; round < 20; round += 1) {
        sendNumbers(client, 20);
        server.send('w', [Uint8Array.of(round)]);
        await clock.advance(20);
      }
      return story;
    };
    const story = await play(1);
    expect(story).toContainEqual(expect.stringContaining('disconnected'));
    expect(await play(1)).toEqual(story);
    expect(await play(2)).not.toEqual(story);
  });

  it('breaks a connection for both ends, which begin anew', async () => {
    const { clock, network, client, story } = await world({ faults: { delayMs: [5, 5] } });
    sendNumbers(client, 2);
    network.breakConnection('w');
    network.breakConnection('nobody');
    await clock.advance(40);
    client.send([Uint8Array.of(7)]);
    await clock.advance(200);
    expect(story.slice(0, 3)).toEqual(['0.0 client: connected', '1.0 server: w gone', '1.0 client: disconnected']);
    const [madeAtMs, arrivedAtMs] = story.slice(3).map((line) => Number.parseFloat(line));
    expect(story.slice(3).map((line) => line.replace(/^\S+ /, ''))).toEqual(['client: connected', 'server: w 7']);
    // A tenth of a second, a fifth of that more or less by chance.
    expect(madeAtMs).toBeGreaterThan(80);
    expect(madeAtMs).toBeLessThan(122);
    expect(arrivedAtMs).toBeCloseTo((madeAtMs ?? 0) + 5);
  });

  it('looks for a server seldom, and at once when told to', async () => {
    const clock = new VirtualClock();
    const network = createMemoryNetwork({ seed: 1, clock });
    const settings = { endpoint: 'memory://late', maxFrameBytes: MAX_FRAME_BYTES };
    const client = network.connect({ ...settings, peerId: 'w' });
    const story: string[] = [];
    client.onEvent((event) => story.push(`${clock.now()} ${event.type}`));
    // Attempts so far at about 0, 0.1, 1.1, 3.1, 7.1, 15, 31 and 63 seconds, a fifth of each pause more or less.
    await clock.advance(100_000);
    network.bind(settings);
    await clock.advance(50);
    expect(story).toEqual([]);
    client.reconnect('told to look');
    await clock.advance(0);
    expect(story).toEqual(['100050 connected']);
    client.reconnect('told to begin anew');
    client.reconnect('told so twice');
    await clock.advance(150);
    expect(story.map((line) => line.replace(/^\S+ /, ''))).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('holds back what an isolated peer sends, and lets it arrive when that ends in time', async () => {
    const { clock, network, client, server, story } = await world();
    network.isolate('w');
    sendNumbers(client, 2);
    server.send('w', [Uint8Array.of(5)]);
    await clock.advance(19_000);
    expect(story.slice(1)).toEqual([]);
    network.heal('w');
    await clock.advance(60_000);
    expect(story.slice(1)).toEqual(['19001.0 server: w 0', '19001.0 server: w 1', '19001.0 client: 5']);
  });

  it('ends the connection of a peer that stays isolated, and lets it come back after that', async () => {
    const { clock, network, client, story } = await world();
    network.isolate('w');
    sendNumbers(client, 2);
    await clock.advance(30_000);
    expect(story.slice(1)).toEqual(['20001.0 server: w gone', '20001.0 client: disconnected']);
    network.heal('w');
    // Attempts meanwhile at about 20.1, 21.1, 23.1 and 27.1 seconds; the next one comes within 10 seconds.
    await clock.advance(10_000);
    expect(story.at(-1)).toMatch(/client: connected$/);
  });

  it('takes other faults from one moment to the next', async () => {
    const { clock, network, client, story } = await world({ faults: { loss: 1 } });
    client.send([Uint8Array.of(1)]);
    network.setFaults({});
    client.send([Uint8Array.of(2)]);
    await clock.advance(1);
    expect(numbersAt(story, 'server')).toEqual([2]);
  });

  it('holds up about as many messages as it is told to, and loses none of them', async () => {
    const { clock, client, network, story } = await world({ faults: { reorder: 0.2, delayMs: [1, 20] } });
    for (let round = 0; round < 10; round += 1) {
      sendNumbers(client, 200);
      await clock.advance(50);
    }
    const arrived = numbersAt(story, 'server');
    expect(arrived).toHaveLength(2000);
    expect(network.counts.reordered / 2000).toBeCloseTo(0.2, 1);
    const passed = arrived.filter((number, index) => number < (arrived[index - 1] ?? 0) && number !== 0);
    expect(passed.length).toBeGreaterThan(100);
  });

  it('flips one bit of a message, and tells how often', async () => {
    const { clock, network, client, server } = await world({ faults: { corruption: 0.5 } });
    const received: number[][] = [];
    server.onEvent((event) => {
      if (event.type === 'message') received.push(event.frames.flatMap((frame) => [...frame]));
    });
    for (let index = 0; index < 200; index += 1) client.send([new Uint8Array(3), new Uint8Array(), new Uint8Array(2)]);
    await clock.advance(1);
    const onesIn = (bytes: readonly number[]): number =>
      bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    expect(received.filter((bytes) => onesIn(bytes) === 1)).toHaveLength(network.counts.corrupted);
    expect(received.filter((bytes) => onesIn(bytes) === 0)).toHaveLength(200 - network.counts.corrupted);
    // Five standard deviations of 200 draws are about 35.
    expect(Math.abs(network.counts.corrupted - 100)).toBeLessThan(36);
    // Both frames with bytes are hit, over the whole of their length.
    for (const place of [0, 1, 2, 3, 4]) expect(received.some((bytes) => bytes[place] !== 0)).toBe(true);
  });

  it('clogs one direction and leaves the other open', async () => {
    const { clock, network, client, server, story } = await world();
    network.clog('w', 'to client');
    server.send('w', [Uint8Array.of(5)]);
    sendNumbers(client, 1);
    await clock.advance(60_000);
    expect(story.slice(1)).toEqual(['1.0 server: w 0']);
    network.unclog('w', 'to client');
    expect(story.slice(2)).toEqual(['60001.0 client: 5']);
  });

  it('counts what the faults have done', async () => {
    const { clock, network, client } = await world({ faults: { loss: 1 } });
    sendNumbers(client, 3);
    network.setFaults({ duplicate: 1, reorder: 1, corruption: 1 });
    sendNumbers(client, 2);
    network.setFaults({ breakage: 1 });
    sendNumbers(client, 1);
    await clock.advance(50);
    expect(network.counts).toEqual({ lost: 3, doubled: 2, reordered: 2, corrupted: 2, broken: 1 });
  });

  it('shares no memory between sender and receiver', async () => {
    const { clock, client, server } = await world();
    const received: Uint8Array[] = [];
    server.onEvent((event) => void (event.type === 'message' && received.push(...event.frames)));
    const sent = Uint8Array.of(1, 2, 3, 4);
    client.send([sent]);
    await clock.advance(1);
    sent.fill(9);
    expect(received).toEqual([Uint8Array.of(1, 2, 3, 4)]);
    expect((received[0]?.byteOffset ?? 0) % 4).not.toBe(0);
  });
});
