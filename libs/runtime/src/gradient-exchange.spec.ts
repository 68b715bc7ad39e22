/** What the simulation cannot show, because its machines share no memory; the rest is shown there and by real runs. */
import { LockstepError } from '@lockstep/config';
import { expect, it } from 'vitest';
import type { WorkerEvent } from '@lockstep/protocol';
import { GradientExchange } from './gradient-exchange.js';
import type { PeerLinkMaker } from './peer-links.js';
import type { PeerClient, SharedMemory } from './ports.js';

const unheard: PeerClient = { send: () => undefined, onEvent: () => undefined, close: () => Promise.resolve() };
const maker: PeerLinkMaker = { bind: () => Promise.reject(new Error('nobody binds')), connect: () => unheard };

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
    ...{ maker, self: 'a' },
    clock: { now: () => 0, after: () => () => undefined },
    digest: () => '',
    ...{ shared, dispatch: (event: WorkerEvent) => void said.push(event) },
  });
  const members = ['a', 'b'].map((peer) => ({ peer, endpoint: `tcp://${peer}`, sharing: 'box' }));
  const about = { members, holders: [0, 1], length: 1, wire: 'float32', characters: 4 } as const;
  const plan = { type: 'exchange', run: 'r', term: 1, membership: 0, step: 0, exchange: 3, ...about } as const;
  exchange.begin({ type: 'exchange', plan, self: 0, held: new Map([[0, new Uint8Array(4)]]) });
  expect(said).toEqual([{ type: 'exchange-broken', exchange: 3, peer: 'b', reason: '/dev/shm has no room for 32 MB' }]);
});
