/**
 * The compliance suite over every transport there is: real sockets for ZeroMQ, a real clock for the in-memory network.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@lockstep/runtime';
import { bindZeroMQServer, connectZeroMQClient } from '@lockstep/transport';
import { createMemoryNetwork } from '@lockstep/transport/memory';
import { afterAll } from 'vitest';
import { MAX_FRAME_BYTES } from './harness.js';
import type { TransportKind } from './harness.js';
import { testTransport } from './suite.js';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-compliance-'));
afterAll(() => rmSync(folder, { recursive: true }));
let nameIndex = 0;

function zeromq(name: string, free: () => string, reserve: () => Promise<string>): TransportKind {
  return {
    name,
    reserve,
    bind: (options) => bindZeroMQServer({ endpoint: free(), maxFrameBytes: MAX_FRAME_BYTES, ...options }),
    connect: (options) => connectZeroMQClient({ maxFrameBytes: MAX_FRAME_BYTES, ...options }),
  };
}

/** A TCP port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else probe.close(() => resolve(address.port));
    });
  });
}

const socketPath = (): string => `ipc://${join(folder, `${(nameIndex += 1)}.sock`)}`;

const realClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

function memory(): TransportKind {
  const network = createMemoryNetwork({ seed: 1, clock: realClock });
  return {
    name: 'memory',
    reserve: () => Promise.resolve(`memory://reserved-${(nameIndex += 1)}`),
    bind: async (options) => Promise.resolve(network.bind({ maxFrameBytes: MAX_FRAME_BYTES, ...options })),
    connect: async (options) => Promise.resolve(network.connect({ maxFrameBytes: MAX_FRAME_BYTES, ...options })),
  };
}

testTransport(zeromq('ZeroMQ, tcp', () => 'tcp://127.0.0.1:0', async () => `tcp://127.0.0.1:${await freePort()}`));
testTransport(zeromq('ZeroMQ, ipc', socketPath, () => Promise.resolve(socketPath())));
testTransport(memory());
