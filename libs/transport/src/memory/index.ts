export { createMemoryNetwork } from './network.js';
export type { MemoryClientOptions, MemoryNetwork, MemoryNetworkOptions, MemoryServerOptions } from './network.js';
export type { MemoryFaults } from './faults.js';
