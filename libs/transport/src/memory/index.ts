export { createMemoryNetwork } from './network.js';
export type { MemoryClientOptions, MemoryNetwork, MemoryNetworkOptions, MemoryServerOptions } from './network.js';
export type { MemoryFaultCounts, MemoryFaults } from './faults.js';
export type { Direction } from './link.js';
