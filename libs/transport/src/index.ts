export { openSharedMemory } from './shared-memory/shared-memory.js';
export { bindPeerServer } from './tcp/server.js';
export { connectPeerClient } from './tcp/client.js';
export { bindZeroMQServer } from './zeromq/server.js';
export { connectZeroMQClient } from './zeromq/client.js';
export { measureLoopback, zeromqFacts } from './zeromq/facts.js';
export type { LoopbackFigures, LoopbackOptions, ZeroMQFacts } from './zeromq/facts.js';
export type { ZeroMQClientOptions, ZeroMQOptions } from './zeromq/options.js';
