export { bindZeroMQServer } from './zeromq/server.js';
export { connectZeroMQClient } from './zeromq/client.js';
export type { ZeroMQClientOptions } from './zeromq/client.js';
export type { ZeroMQOptions } from './zeromq/options.js';
