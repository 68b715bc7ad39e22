/** What the simulation cannot show, or only by great luck; the rest is shown there and by real runs. */
import { LockstepError } from '@lockstep/config';
import { encodeMessage } from '@lockstep/protocol';
import type { WorkerEvent } from '@lockstep/protocol';
import { digestOf } from '@lockstep/reduce';
import { describe, expect, it } from 'vitest';
import { GradientExchange } from './gradient-exchange.js';
import type { PeerLinkMaker } from './peer-links.js';
import type { ClientEvent, Frames, PeerClient, RoomFor, SharedMemory } from './ports.js';
import { viewAsBytes } from './replica.js';

/** The ends at which a worker hears others. */
class Ears {
  readonly #clients = new Map<string, { room: RoomFor; event: (event: ClientEvent) => void }>();

  get maker(): PeerLinkMaker {
    return { bind: () => Promise.reject(new Error('nobody binds')), connect: (endpoint) => this.#connect(endpoint) };
  }

  room(endpoint: string, [header, payload]: Frames): Uint8Array | null {
    const room = this.#clients.get(endpoint)?.room;
    return room?.(header === undefined ? [] : [header], payload?.byteLength ?? 0) ?? null;
  }

  hear(endpoint: string, frames: Frames): void {
    this.#clients.get(endpoint)?.event({ type: 'message', frames });
  }

  #connect(endpoint: string): PeerClient {
    const client = { room: (): null => null, event: (): void => undefined } as {
      room: RoomFor;
      event: (event: ClientEvent) => void;
    };
    this.#clients.set(endpoint, client);
    return {
      send: () => undefined,
      onEvent: (handler) => void (client.event = handler),
      onRoom: (handler) => void (client.room = handler),
      close: () => Promise.resolve(),
    };
  }
}

const clock = { now: () => 0, after: () => () => undefined };
const ENVELOPE = { run: 'r', term: 1, membership: 0, step: 0 } as const;
const VALUES = 48;

function planFor(exchange: number, names: readonly string[], sharing: string | null = null) {
  const members = names.map((peer) => ({ peer, endpoint: `tcp://${peer}`, sharing }));
  const about = { members, holders: names.map((_, place) => place), length: VALUES, wire: 'float32' } as const;
  return { type: 'exchange', ...ENVELOPE, exchange, ...about, characters: 4 } as const;
}

/** The gradient of a member: all values are its place plus one. */
const gradient = (place: number): Float32Array => new Float32Array(VALUES).fill(place + 1);

/** What a member sends the first one for its slice, which are the first 16 values of 48 among three. */
function partFrom(place: number, exchange: number): Frames {
  const about = { kind: 'part', start: 0, firstShard: place, endShard: place + 1, place: null } as const;
  const message = { type: 'piece', run: 'r', term: 1, exchange, from: place, ...about } as const;
  const payload = [viewAsBytes(gradient(place).subarray(0, 16))];
  return encodeMessage(digestOf, message, { conversation: exchange, sequence: 0 }, payload);
}

/** The first of three members, without memory that is shared. */
function first(): { ears: Ears; exchange: GradientExchange; said: WorkerEvent[]; begin: (id: number) => void } {
  const ears = new Ears();
  const said: WorkerEvent[] = [];
  const dispatch = (event: WorkerEvent): void => void said.push(event);
  const ports = { maker: ears.maker, self: 'a', shared: null, clock, digest: digestOf, dispatch, blockLength: 16 };
  const exchange = new GradientExchange(ports);
  const begin = (id: number): void => {
    const held = new Map([[0, viewAsBytes(gradient(0))]]);
    exchange.begin({ type: 'exchange', plan: planFor(id, ['a', 'b', 'c']), self: 0, held });
  };
  return { ears, exchange, said, begin };
}

describe('the place of a piece', () => {
  it('is given once its header shows that it is awaited, from the one who owes it', () => {
    const { ears, begin } = first();
    expect(ears.room('tcp://b', partFrom(1, 3))).toBeNull();
    begin(3);
    expect(ears.room('tcp://b', partFrom(1, 3))?.byteLength).toBe(64);
    expect(ears.room('tcp://c', partFrom(1, 3))).toBeNull();
    expect(ears.room('tcp://b', partFrom(1, 2))).toBeNull();
    expect(ears.room('tcp://b', partFrom(1, 4))).toBeNull();
    const [header = new Uint8Array(), payload = new Uint8Array()] = partFrom(1, 3);
    expect(ears.room('tcp://b', [header, payload.subarray(4)])).toBeNull();
    const damaged = header.slice();
    damaged[40] = 0;
    expect(ears.room('tcp://b', [damaged, payload])).toBeNull();
  });

  it('is none that a piece of an exchange without end may still be written to', () => {
    const { ears, exchange, begin } = first();
    begin(3);
    const late = ears.room('tcp://b', partFrom(1, 3));
    exchange.end();
    begin(4);
    const rooms = [ears.room('tcp://b', partFrom(1, 4)), ears.room('tcp://c', partFrom(2, 4))];
    expect(late).not.toBeNull();
    for (const room of rooms) expect(room?.buffer === late?.buffer).toBe(false);
  });
});

it('tells which piece is damaged, and never sums it', () => {
  const { ears, said, begin } = first();
  begin(3);
  const [header = new Uint8Array(), payload = new Uint8Array()] = partFrom(1, 3);
  const damaged = payload.slice();
  damaged[5] ^= 1;
  ears.hear('tcp://b', [header, damaged]);
  ears.hear('tcp://c', partFrom(2, 3));
  const reason = 'received a payload of piece whose checksum is wrong';
  expect(said).toEqual([{ type: 'exchange-broken', exchange: 3, peer: 'b', reason }]);
});

it('says that there is no room to share, instead of ending the worker', () => {
  const shared: SharedMemory = {
    host: 'box',
    allocate: () => {
      throw new LockstepError('unavailable', '/dev/shm has no room for 32 MB', 'use sockets');
    },
    read: () => new Uint8Array(),
    release: () => undefined,
  };
  const said: WorkerEvent[] = [];
  const exchange = new GradientExchange({
    ...{ maker: new Ears().maker, self: 'a', shared, clock, digest: digestOf },
    dispatch: (event: WorkerEvent) => void said.push(event),
  });
  const plan = planFor(3, ['a', 'b'], 'box');
  exchange.begin({ type: 'exchange', plan, self: 0, held: new Map([[0, viewAsBytes(gradient(0))]]) });
  expect(said).toEqual([{ type: 'exchange-broken', exchange: 3, peer: 'b', reason: '/dev/shm has no room for 32 MB' }]);
});
