/**
 * Every bound of the transport, with the reason for both directions. Nothing here is a user option: a run that needs
 * other values passes them to the factories.
 */
import type { OutboxBounds } from './outbox.js';

/** Longest accepted PeerId in bytes. ZeroMQ allows 255; a short bound keeps log lines and probes small. */
export const PEER_ID_BYTES_MAX = 128;

/**
 * Messages ZeroMQ itself holds per peer and direction. It counts messages, not bytes: the library's default of 1000
 * would be 16 GB of gradients. Lower than 4 leaves the I/O thread idle between two turns of the event loop; higher
 * only pins memory.
 */
export const HIGH_WATER_MARK_MESSAGES = 4;

/**
 * Messages waiting for one peer before it is given up. A peer in lockstep has a handful in flight, besides a replica on
 * its way: 768 parts of 4 MiB for a gradient of 1 GiB. Lower would end a worker that is given one, higher would let a
 * stopped process collect hours of messages.
 */
const SEND_QUEUE_MESSAGES_MAX = 1024;

/**
 * Bytes waiting for one peer, as a multiple of the largest frame: weights plus optimizer state for a joiner (3 frames)
 * and some steps of gradients must fit; more is memory taken from the healthy ones.
 */
const SEND_QUEUE_FRAMES_MAX = 16;

/** Floor of the byte bound, so that small models do not make it smaller than a burst of ordinary messages. */
const SEND_QUEUE_BYTES_MIN = 16 * 1024 * 1024;

/** Frames of one message. The protocol uses two or three; a peer that sends thousands is broken or hostile. */
export const FRAMES_PER_MESSAGE_MAX = 64;

/**
 * Connection events kept for a handler that is not there yet; the oldest go first. More would only repeat an old
 * story.
 */
export const EARLY_EVENTS_MAX = 64;

/**
 * First and longest pause before a full peer is tried again. Shorter burns the processor, longer leaves the wire idle.
 */
export const RETRY_MS_MIN = 1;
export const RETRY_MS_MAX = 16;

/** Sends in one turn of the event loop: more would delay what arrives, fewer would add a turn per message. */
export const SENDS_PER_TURN_MAX = 64;

/**
 * Bytes read in one turn of the event loop, more or less: more would keep their memory, fewer would add a turn per
 * message.
 */
export const BYTES_PER_TURN_MAX = 4 * 1024 * 1024;

/**
 * Peers of a server up to which the C library may keep the memory of large messages for later ones. With 2 that saves
 * 15 ms of processor time for each 48 MB; with 16 it keeps 250 MB that nobody uses.
 */
export const PEERS_KEEPING_BLOCKS_MAX = 4;

/** Pause between two looks whether a socket was read empty: ZeroMQ's thread hands messages over within microseconds. */
export const QUIET_LOOK_MS = 1;

/**
 * Longest wait for that. A peer has at most a few messages in its pipe and the pipes take turns; longer only delays
 * the news.
 */
export const QUIET_MS_MAX = 500;

/**
 * How often every quiet peer is asked whether it is still there: the longest time a broken connection stays unnoticed.
 */
export const PROBE_INTERVAL_MS = 1000;

/** Probes after the socket reported a broken connection, which does not say whose: at once, then for the late ones. */
export const PROBE_AFTER_DISCONNECT_MS = [2, 20, 200] as const;

/**
 * Silence after which the system gives a connection up: unanswered keep-alives, unacknowledged bytes, or a receiver
 * that lets nothing in. Lower ends peers that were paused for a moment; higher leaves the connection to a dead machine
 * in place longer. The protocol judges liveness and progress much sooner; this only makes room for the next
 * connection.
 */
export const SILENCE_MS_MAX = 20_000;

/**
 * Keep-alive packets on a quiet connection: idle time before the first, pause between them, and how many may stay
 * unanswered.
 */
export const KEEPALIVE_IDLE_SECONDS = 5;
export const KEEPALIVE_INTERVAL_SECONDS = 5;
export const KEEPALIVE_COUNT = 3;

/** Time a new connection has for its handshake; a stranger who says nothing holds a descriptor for this long. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Pauses between attempts to connect: the first, the second, and the longest after doubling from there. The first is
 * for a connection that broke while both ends are well; the others are for a server that is gone, which must not meet a
 * flood when it comes back. A longer last one would leave workers idle that long after it did.
 */
export const RECONNECT_MS_FIRST = 100;
export const RECONNECT_MS_SECOND = 1000;
export const RECONNECT_MS_MAX = 32_000;

/** Share by which a pause strays, either way: enough to spread the workers of one server over a second. */
export const RECONNECT_JITTER = 0.2;

/**
 * A connection that stood this long was no refusal: whoever refuses does so within a few turns of the wire. Shorter
 * would let a refusal over a slow link pass for a connection, longer would punish one that just broke twice.
 */
export const CONNECTION_LASTED_MS = 2000;

/** Time one attempt to connect may take; an address that drops packets would otherwise hold it for two minutes. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Links to one worker: one from each other worker, with room for those that are made anew. */
export const PEER_LINKS_MAX = 4096;

/** How often a worker shows that it is there to those who listen to it; several fit into `SILENCE_MS_MAX`. */
export const PEER_PULSE_MS = 5000;

/** What somebody who only listens may say in one frame: its name. */
export const SMALL_FRAME_BYTES_MAX = 256;

/** Longest time a closing transport waits for its last bytes, whatever the caller asks for. */
export const LINGER_MS_MAX = 60_000;

/** What ZeroMQ's thread gets to report the end of a close that took its whole linger. */
export const LINGER_REPORT_MS_MAX = 500;

/**
 * Deadline of the loopback measurement of `doctor`: a blocked interface must not hang it, a busy machine may be slow.
 */
export const LOOPBACK_DEADLINE_MS = 10_000;

/** The bounds of one peer's send queue, where the caller gives none. */
export function outboxBounds(options: {
  readonly maxFrameBytes: number;
  readonly sendQueue?: Partial<OutboxBounds>;
}): OutboxBounds {
  const bytesMax = Math.max(SEND_QUEUE_BYTES_MIN, SEND_QUEUE_FRAMES_MAX * options.maxFrameBytes);
  return { messagesMax: SEND_QUEUE_MESSAGES_MAX, bytesMax, ...options.sendQueue };
}
