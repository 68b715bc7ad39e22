/** What every transport promises, as tests; run over each kind by transport.spec.ts. */
import { LockstepError } from '@lockstep/config';
import type { Frames } from '@lockstep/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { testConnections } from './connections.js';
import { Bench, MAX_FRAME_BYTES, countUp, messages, numberOf, numbered, patterned, sameBytes } from './harness.js';
import type { TransportKind } from './harness.js';

export function testTransport(kind: TransportKind): void {
  describe(`transport over ${kind.name}`, () => {
    const bench = new Bench(kind);
    afterEach(() => bench.end());

    describe('messages', () => testMessages(bench));
    describe('connections', () => testConnections(bench));
    describe('bounds', () => testBounds(bench));
    describe('drop', () => testDrop(bench));
    describe('close', () => testClose(bench));
  });
}

function testMessages(bench: Bench): void {
  it('keeps the order of one peer, both ways', async () => {
    const { server, log } = await bench.server({ sendQueue: { messagesMax: 2000 } });
    log.onEach = (event) => {
      if (event.type === 'message') server.send(event.peer, event.frames);
    };
    const { client, log: answers } = await bench.client(server.endpoint, { sendQueue: { messagesMax: 2000 } });
    for (const number of countUp(1000)) client.send(numbered(number));
    await answers.until('1000 echoes', () => messages(answers).length >= 1000);
    expect(messages(log).map(numberOf)).toEqual(countUp(1000));
    expect(messages(answers).map(numberOf)).toEqual(countUp(1000));
  });

  it('carries 16 MB frames byte for byte, both ways', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers, peer } = await bench.client(server.endpoint);
    const up = countUp(3).map((index) => [Uint8Array.of(index), patterned(16 * 1024 * 1024, index)]);
    for (const frames of up) client.send(frames);
    await log.until('3 messages', () => messages(log).length >= 3);
    expect(up.every((frames, index) => sameBytes(messages(log)[index], frames))).toBe(true);

    const down = [Uint8Array.of(9), patterned(MAX_FRAME_BYTES, 7)];
    server.send(peer, down);
    await answers.until('the answer', () => messages(answers).length >= 1);
    expect(sameBytes(messages(answers)[0], down)).toBe(true);
  });

  it('carries empty frames, many frames and views at odd offsets as they are', async () => {
    const { server, log } = await bench.server();
    log.onEach = (event) => {
      if (event.type === 'message') server.send(event.peer, event.frames);
    };
    const { client, log: answers } = await bench.client(server.endpoint);
    const empty = new Uint8Array(0);
    const shapes = [
      [empty],
      [empty, empty],
      [empty, Uint8Array.of(0x46)],
      [empty, empty, Uint8Array.of(1)],
      [Uint8Array.of(2), empty],
      countUp(64).map((index) => patterned(index * 37, index)),
      [patterned(1001, 3).subarray(1), patterned(5, 4).subarray(3)],
    ];
    for (const frames of shapes) client.send(frames);
    await answers.until('all shapes', () => messages(answers).length >= shapes.length);
    for (const [index, frames] of shapes.entries()) {
      expect(sameBytes(messages(log)[index], frames), `shape ${index} at the server`).toBe(true);
      expect(sameBytes(messages(answers)[index], frames), `shape ${index} at the client`).toBe(true);
    }
  });

  it('hands out frames that must be copied before they are read as floats', async () => {
    const { server, log } = await bench.server();
    const { client } = await bench.client(server.endpoint);
    const floats = Float32Array.from(countUp(300), (index) => index / 3);
    const sizes = [3, 60, 300];
    for (const size of sizes) client.send([new Uint8Array(floats.buffer, 0, size * 4)]);
    await log.until('the floats', () => messages(log).length >= sizes.length);
    for (const [index, [frame]] of messages(log).entries()) {
      const copy = Uint8Array.from(frame ?? []);
      expect(new Float32Array(copy.buffer)).toEqual(floats.subarray(0, sizes[index]));
    }
  });

  it('serves many peers at once and mixes none of them up', async () => {
    const { server, log } = await bench.server();
    log.onEach = (event) => {
      if (event.type === 'message') server.send(event.peer, [...event.frames, Buffer.from(event.peer)]);
    };
    const clients = await Promise.all(countUp(40).map(() => bench.client(server.endpoint)));
    for (const number of countUp(20)) for (const { client } of clients) client.send(numbered(number));
    for (const { log: answers, peer } of clients) {
      await answers.until(`20 answers to ${peer}`, () => messages(answers).length >= 20);
      expect(messages(answers).map(numberOf)).toEqual(countUp(20));
      expect(messages(answers).every((frames) => Buffer.from(frames[1] ?? []).toString() === peer)).toBe(true);
      expect(messages(log, peer).map(numberOf)).toEqual(countUp(20));
    }
  });

  it('refuses an empty message and a frame over its own limit as bugs of the sender', async () => {
    const { server } = await bench.server({ maxFrameBytes: 1000 });
    const { client } = await bench.client(server.endpoint, { maxFrameBytes: 1000 });
    expect(() => client.send([])).toThrow(LockstepError);
    expect(() => client.send([new Uint8Array(1001)])).toThrow(/1001 bytes/);
    expect(() => server.send('worker-1', [])).toThrow(LockstepError);
  });
}

function testBounds(bench: Bench): void {
  const megabyte = 1024 * 1024;

  it('ends a peer that does not read, while the others go on', async () => {
    const { server, log } = await bench.server({ sendQueue: { messagesMax: 100, bytesMax: 20 * megabyte } });
    const deaf = await bench.deafClient(server.endpoint);
    const reader = await bench.client(server.endpoint);
    deaf.client.send(numbered(0));
    reader.client.send(numbered(0));
    await log.until('both peers', () => messages(log).length === 2);

    const goneOnes = (): string[] => log.events.flatMap((event) => (event.type === 'gone' ? [event.peer] : []));
    const payload = patterned(megabyte, 1);
    let sent = 0;
    for (; sent < 500 && goneOnes().length === 0; sent += 1) {
      server.send(deaf.peer, [...numbered(sent), payload]);
      server.send(reader.peer, [...numbered(sent), payload]);
      await reader.log.until('the same at the reader', () => messages(reader.log).length === sent + 1);
    }
    expect(goneOnes()).toEqual([deaf.peer]);
    expect(log.events.flatMap((event) => (event.type === 'gone' ? [event.reason] : []))[0]).toContain('drain');
    expect(messages(reader.log).map(numberOf)).toEqual(countUp(sent));

    // Once it reads, it learns that it was given up, connects again and starts afresh.
    deaf.client.onEvent(deaf.log.handler);
    const again = (): number => deaf.log.events.map((event) => event.type).lastIndexOf('connected');
    const lost = (): number => deaf.log.events.findIndex((event) => event.type === 'disconnected');
    await deaf.log.until('a new connection', () => lost() >= 0 && again() > lost());
    deaf.client.send(numbered(77));
    await log.until('its message', () => messages(log, deaf.peer).some((frames) => numberOf(frames) === 77));
  });

  it('ends a peer by count as by bytes', async () => {
    const { server, log } = await bench.server({ sendQueue: { messagesMax: 10 } });
    const { client, peer } = await bench.deafClient(server.endpoint);
    client.send(numbered(0));
    await log.until('the peer', () => messages(log).length === 1);
    for (const number of countUp(100_000)) {
      if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (log.events.length > 1) break;
      server.send(peer, [...numbered(number), new Uint8Array(1000)]);
    }
    await log.until('gone', (events) => events.some((event) => event.type === 'gone'));
    expect(log.events.flatMap((event) => (event.type === 'gone' ? [event.reason] : []))[0]).toContain('10 messages');
  });

  it('says so when a client gives up what it could not send', async () => {
    const endpoint = await bench.reserve();
    const { client, log: answers } = await bench.client(endpoint, { sendQueue: { messagesMax: 5 } });
    for (const number of countUp(6)) client.send(numbered(number));
    await answers.until('the loss', (events) => events.length > 0);
    expect(answers.events).toMatchObject([{ type: 'disconnected' }]);
    client.send(numbered(100));
    const { log } = await bench.server({ endpoint });
    await log.until('the next message', () => messages(log).length >= 1);
    expect(messages(log).map(numberOf)).toEqual([100]);
  });

  it('refuses a frame over the limit of the server, which goes on', async () => {
    const { server, log } = await bench.server({ maxFrameBytes: megabyte });
    const bad = await bench.client(server.endpoint);
    const good = await bench.client(server.endpoint);
    bad.client.send(numbered(1));
    good.client.send(numbered(1));
    await log.until('both peers', () => messages(log).length === 2);
    bad.client.send([...numbered(2), patterned(megabyte + 1, 1)]);
    await log.until('gone', (events) => events.some((event) => event.type === 'gone' && event.peer === bad.peer));
    await bad.log.until('the loss', (events) => events.some((event) => event.type === 'disconnected'));
    good.client.send([...numbered(3), patterned(megabyte, 1)]);
    await log.until('a message of the other', () => messages(log, good.peer).length === 2);
    expect(messages(log, bad.peer).map(numberOf)).toEqual([1]);
  });

  it('refuses a frame over the limit of a client', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers, peer } = await bench.client(server.endpoint, { maxFrameBytes: megabyte });
    client.send(numbered(1));
    await log.until('the peer', () => messages(log).length === 1);
    server.send(peer, [patterned(megabyte + 1, 1)]);
    await answers.until('the loss', (events) => events.some((event) => event.type === 'disconnected'));
    expect(messages(answers)).toEqual([]);
  });
}

function testDrop(bench: Bench): void {
  it('ignores a dropped peer until it connects again', async () => {
    const { server, log } = await bench.server();
    log.onEach = (event) => {
      if (event.type === 'message' && numberOf(event.frames) === 3) server.drop(event.peer);
    };
    const { client, log: answers, peer } = await bench.client(server.endpoint);
    const other = await bench.client(server.endpoint);
    await answers.until('the connection', (events) => events.length > 0);
    for (const number of countUp(100)) client.send(numbered(number));
    await answers.until('its end', (events) => events.some((event) => event.type === 'disconnected'));
    client.send(numbered(1000));
    const isNew = (frames: Frames): boolean => numberOf(frames) === 1000;
    await log.until('the message of its new connection', () => messages(log, peer).some(isNew));
    expect(messages(log, peer).map(numberOf)).toEqual([0, 1, 2, 3, 1000]);
    expect(log.events.filter((event) => event.type === 'gone')).toEqual([]);
    other.client.send(numbered(7));
    await log.until('the other peer', () => messages(log, other.peer).length === 1);
    expect(other.log.events.map((event) => event.type)).toEqual(['connected']);
  });

  it('drops what is queued for the peer', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers, peer } = await bench.deafClient(server.endpoint);
    client.send(numbered(0));
    await log.until('the peer', () => messages(log).length === 1);
    const payload = new Uint8Array(1024 * 1024);
    for (const number of countUp(200)) server.send(peer, [...numbered(number), payload]);
    server.drop(peer);
    server.drop('never-seen');
    client.onEvent(answers.handler);
    await answers.until('its end', (events) => events.some((event) => event.type === 'disconnected'));
    const numbers = messages(answers).map(numberOf);
    expect(numbers).toEqual(countUp(numbers.length));
    expect(numbers.length).toBeLessThan(200);
  });
}

function testClose(bench: Bench): void {
  it('lets what a client has queued arrive first', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers } = await bench.client(server.endpoint);
    await answers.until('the connection', (events) => events.length > 0);
    for (const number of countUp(30)) client.send([...numbered(number), patterned(1024 * 1024, number)]);
    await client.close(30_000);
    await log.until('30 messages', () => messages(log).length === 30);
    expect(messages(log).map(numberOf)).toEqual(countUp(30));
  });

  it('lets what a server has queued arrive first', async () => {
    const { server, log } = await bench.server();
    const clients = await Promise.all(countUp(3).map(() => bench.client(server.endpoint)));
    for (const { client } of clients) client.send(numbered(0));
    await log.until('all peers', () => messages(log).length === 3);
    for (const number of countUp(20)) {
      for (const { peer } of clients) server.send(peer, [...numbered(number), patterned(1024 * 1024, number)]);
    }
    await server.close(30_000);
    for (const { log: answers } of clients) {
      await answers.until('20 messages', () => messages(answers).length === 20);
      expect(messages(answers).map(numberOf)).toEqual(countUp(20));
    }
  });

  it('ends in time when nobody takes what is queued', async () => {
    const { client } = await bench.client(await bench.reserve());
    client.send(numbered(1));
    const { server, log } = await bench.server();
    const deaf = await bench.deafClient(server.endpoint);
    deaf.client.send(numbered(1));
    await log.until('the peer', () => messages(log).length === 1);
    for (const number of countUp(100)) server.send(deaf.peer, [...numbered(number), new Uint8Array(1024 * 1024)]);
    // The test's own deadline is the assertion: a close that waited for its reader would never end.
    await Promise.all([client.close(100), server.close(100)]);
  });

  it('reports nothing after the call, and forgives further calls', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers, peer } = await bench.client(server.endpoint);
    const other = await bench.client(server.endpoint);
    client.send(numbered(0));
    await log.until('the peer', () => messages(log).length === 1);
    for (const number of countUp(50)) {
      client.send([...numbered(number), new Uint8Array(100_000)]);
      server.send(peer, [...numbered(number), new Uint8Array(100_000)]);
    }
    await log.until('the flood', () => messages(log).length > 5);
    const closing = [server.close(500), client.close(500)];
    const [before, beforeAnswers] = [log.events.length, answers.events.length];
    server.send(peer, numbered(1));
    server.send('nobody', numbered(1));
    server.drop(peer);
    client.send(numbered(1));
    client.reconnect('after its end');
    await Promise.all([...closing, server.close(1), client.close(1)]);
    await other.log.until('the loss', (events) => events.some((event) => event.type === 'disconnected'));
    expect([log.events.length, answers.events.length]).toEqual([before, beforeAnswers]);
  });
}
