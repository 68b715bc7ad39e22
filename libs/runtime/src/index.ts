export type { ClientEvent, ClientTransport, Clock, Frames, PeerId, ServerEvent, ServerTransport } from './ports.js';
