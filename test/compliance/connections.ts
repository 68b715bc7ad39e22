/** What every transport promises of connections: how they begin, break, are given up and are made again. */
import { expect, it } from 'vitest';
import { countUp, messages, numberOf, numbered } from './harness.js';
import type { Bench } from './harness.js';

export function testConnections(bench: Bench): void {
  it('delivers what was sent before the server was there', async () => {
    const endpoint = await bench.reserve();
    const { client, log: answers } = await bench.client(endpoint);
    for (const number of countUp(50)) client.send(numbered(number));
    const { server, log } = await bench.server({ endpoint });
    expect(server.endpoint).toBe(endpoint);
    await log.until('50 messages', () => messages(log).length >= 50);
    expect(messages(log).map(numberOf)).toEqual(countUp(50));
    await answers.until('the connection', (events) => events.length > 0);
    expect(answers.events).toEqual([{ type: 'connected' }]);
  });

  it('tells the server of a peer that closed, without a send to it', async () => {
    const { server, log } = await bench.server();
    const { client, peer } = await bench.client(server.endpoint);
    client.send(numbered(1));
    await log.until('the message', () => messages(log).length === 1);
    await client.close(1000);
    await log.until('gone', (events) => events.some((event) => event.type === 'gone'));
    expect(log.events.map((event) => [event.type, event.peer])).toEqual([
      ['message', peer],
      ['gone', peer],
    ]);
  });

  it('answers a send to a stranger with gone, and not from inside the call', async () => {
    const { server, log } = await bench.server();
    server.send('nobody', numbered(1));
    expect(log.events).toEqual([]);
    await log.until('gone', (events) => events.length > 0);
    expect(log.events).toMatchObject([{ type: 'gone', peer: 'nobody' }]);
  });

  it('reports the old connection of a peer as gone before anything of its new one', async () => {
    const { server, log } = await bench.server();
    const first = await bench.client(server.endpoint, { peerId: 'same-id' });
    first.client.send(numbered(1));
    await log.until('the first message', () => messages(log).length === 1);
    const second = await bench.client(server.endpoint, { peerId: 'same-id' });
    second.client.send(numbered(2));
    await log.until('the second message', () => messages(log).some((frames) => numberOf(frames) === 2));
    const types = log.events.map((event) => event.type);
    expect(types.slice(0, 3)).toEqual(['message', 'gone', 'message']);
  });

  it('connects again to a server that was restarted on the same endpoint', async () => {
    const endpoint = await bench.reserve();
    const before = await bench.server({ endpoint });
    const { client, log: answers, peer } = await bench.client(endpoint);
    client.send(numbered(1));
    await before.log.until('the first message', () => messages(before.log).length === 1);
    await before.server.close(0);
    await answers.until('the loss', (events) => events.some((event) => event.type === 'disconnected'));
    client.send(numbered(2));
    const after = await bench.server({ endpoint });
    await after.log.until('the second message', () => messages(after.log).length === 1);
    expect(numberOf(messages(after.log)[0] ?? [])).toBe(2);
    after.server.send(peer, numbered(3));
    await answers.until('an answer', () => messages(answers).length === 1);
    expect(answers.events.map((event) => event.type)).toEqual(['connected', 'disconnected', 'connected', 'message']);
  });

  it('gives a connection up when told to, and makes another one', async () => {
    const { server, log } = await bench.server();
    const { client, log: answers, peer } = await bench.client(server.endpoint);
    client.send(numbered(1));
    await log.until('the first message', () => messages(log).length === 1);
    client.reconnect('it was told to');
    client.reconnect('it was told to, twice');
    client.send(numbered(2));
    const isSecond = (): boolean => answers.events.filter((event) => event.type === 'connected').length === 2;
    await answers.until('a new connection', isSecond);
    expect(answers.events).toEqual([
      { type: 'connected' },
      { type: 'disconnected', reason: 'it was told to' },
      { type: 'connected' },
    ]);
    client.send(numbered(3));
    await log.until('a message of the new one', () => messages(log).length === 2);
    expect(log.events.map((event) => [event.type, event.peer])).toEqual([
      ['message', peer],
      ['gone', peer],
      ['message', peer],
    ]);
    expect(messages(log).map(numberOf)).toEqual([1, 3]);
    server.send(peer, numbered(4));
    await answers.until('an answer', () => messages(answers).length === 1);
  });

  it('keeps what waits for the first connection when told to make another one before it', async () => {
    const endpoint = await bench.reserve();
    const { client, log: answers } = await bench.client(endpoint);
    client.send(numbered(1));
    client.reconnect('told to look');
    client.reconnect('told to look again');
    const { log } = await bench.server({ endpoint });
    await log.until('the message', () => messages(log).length === 1);
    expect(answers.events.filter((event) => event.type === 'disconnected')).toEqual([]);
  });

  it('runs two servers side by side on free endpoints', async () => {
    const [left, right] = [await bench.server(), await bench.server()];
    expect(left.server.endpoint).not.toBe(right.server.endpoint);
    for (const [number, { server }] of [left, right].entries()) {
      const { client } = await bench.client(server.endpoint, { peerId: 'same-name' });
      client.send(numbered(number));
    }
    await left.log.until('its message', () => messages(left.log).length === 1);
    await right.log.until('its message', () => messages(right.log).length === 1);
    expect([left, right].map(({ log }) => messages(log).map(numberOf))).toEqual([[0], [1]]);
  });

  it('refuses an endpoint that is in use, by name, and leaves its owner alone', async () => {
    const { server, log } = await bench.server();
    const second = bench.server({ endpoint: server.endpoint });
    await expect(second).rejects.toMatchObject({ name: 'LockstepError', kind: 'unavailable' });
    await expect(second).rejects.toThrow(server.endpoint);
    const { client } = await bench.client(server.endpoint);
    client.send(numbered(5));
    await log.until('a message', () => messages(log).length === 1);
  });
}
