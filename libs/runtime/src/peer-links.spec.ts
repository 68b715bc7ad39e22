import { describe, expect, it } from 'vitest';
import { PeerLinks } from './peer-links.js';
import type { PeerEvent, PeerLinkMaker } from './peer-links.js';
import type { ClientEvent, Frames, PeerClient, ServerEvent } from './ports.js';

/** Several workers on one table: what one sends arrives at once, until its link is cut. */
class Table {
  readonly links = new Map<
    string,
    { id: string; onEvent: (event: ClientEvent) => void; to: string; isOpen: boolean }
  >();
  readonly servers = new Map<string, (event: ServerEvent) => void>();
  readonly closed: string[] = [];
  readonly heard: (PeerEvent & { by: string })[] = [];

  worker(name: string): PeerLinks {
    const maker: PeerLinkMaker = {
      bind: () =>
        Promise.resolve({
          endpoint: `at ${name}`,
          send: (peer, frames) => {
            const link = this.links.get(peer);
            if (link?.isOpen === true) link.onEvent({ type: 'message', frames });
          },
          onEvent: (handler) => void this.servers.set(`at ${name}`, handler),
          close: () => {
            this.closed.push(`at ${name}`);
            return Promise.resolve();
          },
        }),
      connect: (endpoint, id) => this.#connect(endpoint, id),
    };
    const onEvent = (event: PeerEvent): void => void this.heard.push({ by: name, ...event });
    return new PeerLinks(maker, name, onEvent, () => null);
  }

  /** Connections are made when the test says so. */
  accept(id: string): void {
    this.links.get(id)?.onEvent({ type: 'connected' });
  }

  cut(id: string): void {
    const link = this.links.get(id);
    if (link === undefined) return;
    link.isOpen = false;
    link.onEvent({ type: 'disconnected', reason: 'cut' });
    this.servers.get(link.to)?.({ type: 'gone', peer: id, reason: 'cut' });
  }

  #connect(to: string, id: string): PeerClient {
    const link = { id, to, isOpen: true, onEvent: (event: ClientEvent): void => void event };
    this.links.set(id, link);
    return {
      send: (frames) => this.servers.get(to)?.({ type: 'message', peer: id, frames }),
      onEvent: (handler) => (link.onEvent = handler),
      close: () => {
        link.isOpen = false;
        return Promise.resolve();
      },
    };
  }
}

const frames = (value: number): Frames => [Uint8Array.of(value)];
const A = { peer: 'a', endpoint: 'at a' };
const B = { peer: 'b', endpoint: 'at b' };

async function pair(): Promise<{ table: Table; a: PeerLinks; b: PeerLinks }> {
  const table = new Table();
  const [a, b] = [table.worker('a'), table.worker('b')];
  await Promise.all([a.listen(), b.listen()]);
  a.meet([B]);
  b.meet([A]);
  return { table, a, b };
}

describe('links among workers', () => {
  it('keep what is sent until the other one listens', async () => {
    const { table, a } = await pair();
    a.send('b', frames(1));
    a.send('b', frames(2));
    expect(table.heard).toEqual([]);
    table.accept('b>1');
    a.send('b', frames(3));
    expect(table.heard).toEqual(
      [1, 2, 3].map((value) => ({ by: 'b', type: 'message', peer: 'a', frames: frames(value) })),
    );
  });

  it('take no connections once they are closed, and close a server that is just being made', async () => {
    const table = new Table();
    const [early, late] = [table.worker('a'), table.worker('b')];
    const listening = early.listen();
    await Promise.all([early.close(0), late.close(0)]);
    await listening;
    expect(table.closed).toEqual(['at a']);
    await expect(late.listen()).rejects.toThrow('closed');
    expect([...table.servers.keys()]).toEqual(['at a']);
  });

  it('forget what waits when another exchange begins', async () => {
    const { table, a } = await pair();
    a.send('b', frames(1));
    a.meet([B]);
    a.send('b', frames(2));
    table.accept('b>1');
    expect(table.heard).toEqual([{ by: 'b', type: 'message', peer: 'a', frames: frames(2) }]);
  });

  it('tell both ends of a loss, once, and are made anew for the next exchange', async () => {
    const { table, a, b } = await pair();
    table.accept('b>1');
    table.cut('b>1');
    expect(table.heard).toEqual([
      { by: 'b', type: 'broken', peer: 'a', reason: 'cut' },
      { by: 'a', type: 'broken', peer: 'b', reason: 'cut' },
    ]);
    b.meet([A]);
    table.accept('b>2');
    a.send('b', frames(4));
    expect(table.heard.at(-1)).toEqual({ by: 'b', type: 'message', peer: 'a', frames: frames(4) });
  });

  it('do not mind the end of a link that has been replaced', async () => {
    const { table, a, b } = await pair();
    table.accept('b>1');
    b.meet([]);
    b.meet([A]);
    table.accept('b>2');
    table.cut('b>1');
    a.send('b', frames(5));
    expect(table.heard).toEqual([{ by: 'b', type: 'message', peer: 'a', frames: frames(5) }]);
  });

  it('hear nobody who is no member any more, nor one that has moved', async () => {
    const { table, b } = await pair();
    b.meet([{ ...A, endpoint: 'elsewhere' }]);
    expect(table.links.get('b>1')?.isOpen).toBe(false);
    expect(table.links.get('b>2')).toMatchObject({ to: 'elsewhere', isOpen: true });
    await b.close(0);
    expect(table.links.get('b>2')?.isOpen).toBe(false);
  });
});
