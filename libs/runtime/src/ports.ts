/**
 * What the loops need from the outside world, as types only: shells implement these, apps plug them in, tests swap
 * them. A loop never touches a socket, a clock or a file itself.
 */

import type { CommittedStep, JournalledStep, Plan } from '@lockstep/protocol';
import type { Replica } from './replica.js';

/** Names one incarnation of one peer process; never reused by a restarted process. */
export type PeerId = string;

/**
 * One message: a header frame and raw payload frames. Frames given to `send` belong to the transport from then on
 * and must not be written to again. Frames received are memory of the transport, which may write to it again: copy what
 * outlives the handler, and copy before making a typed view whose alignment matters.
 */
export type Frames = readonly Uint8Array[];

export type ServerEvent =
  | { readonly type: 'message'; readonly peer: PeerId; readonly frames: Frames }
  /** The peer is lost or stopped draining its queue; nothing goes to it or comes from it until it connects again. */
  | { readonly type: 'gone'; readonly peer: PeerId; readonly reason: string };

export type ClientEvent =
  | { readonly type: 'message'; readonly frames: Frames }
  | { readonly type: 'connected' }
  /** Also when the send queue was given up; nothing that was sent before this event arrives later. */
  | { readonly type: 'disconnected'; readonly reason: string };

/** The coordinator's side: one bound endpoint, many peers. */
export interface ServerTransport {
  /** The endpoint peers connect to, with the real port, for example `tcp://127.0.0.1:40123`. */
  readonly endpoint: string;
  /** Queues a message; never blocks. A full queue ends the peer with a `gone` event instead of growing. */
  send(peer: PeerId, frames: Frames): void;
  /**
   * Forgets a peer until it connects again: drops what is queued for it, ignores what still arrives. The peer is told
   * by `disconnected`.
   */
  drop(peer: PeerId): void;
  onEvent(handler: (event: ServerEvent) => void): void;
  /** Sends what is queued, for at most `lingerMs`, then closes. */
  close(lingerMs: number): Promise<void>;
}

/** A worker's side: one connection to the coordinator, re-made by the transport when it breaks. */
export interface ClientTransport {
  send(frames: Frames): void;
  onEvent(handler: (event: ClientEvent) => void): void;
  /**
   * Gives a connection up as if it had broken, `disconnected` with this reason included, and makes another one soon.
   * Where there is none it is tried at once, and the pauses between attempts begin anew.
   */
  reconnect(reason: string): void;
  close(lingerMs: number): Promise<void>;
}

/** Links among workers: whoever connects listens to the one that has bound, and says no more than that. */
export type PeerServer = Pick<ServerTransport, 'endpoint' | 'send' | 'onEvent' | 'close'>;
/**
 * Where the last frame of a message is to be put, given those before it and its length; null where it makes no
 * difference. What is put there may be cut short by the end of the connection.
 */
export type RoomFor = (before: Frames, lengthBytes: number) => Uint8Array | null;

/** It may make its connection anew by itself, or end with `disconnected`. */
export interface PeerClient extends Pick<ClientTransport, 'send' | 'onEvent' | 'close'> {
  /** Absent where frames arrive in memory of their own. */
  onRoom?(handler: RoomFor): void;
}

/** Memory of one process that others on the same machine can read. */
export interface SharedMemory {
  /** Names the machine and what else must be equal: processes with equal names can read each other's blocks. */
  readonly host: string;
  /** @throws LockstepError `unavailable` when there is no room */
  allocate(lengthBytes: number): SharedBlock;
  /**
   * What lies at a place of another process, without a copy.
   * @throws LockstepError or an error of the system when the block cannot be read, or is another one
   */
  read(place: SharedPlace): Uint8Array;
  /** Lets go of the blocks of others; what was read from them must not be touched any more. */
  release(): void;
}

export interface SharedBlock {
  readonly path: string;
  /** Tells this block from another that has come to the same path. */
  readonly token: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Must not be touched any more afterwards. */
  free(): void;
}

export interface SharedPlace {
  readonly path: string;
  readonly token: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

/**
 * Where finished things go, and where a run comes back from. Writes run beside the step loop; each tries again by
 * itself as long as it makes sense, and rejects only for good. The run ends only after all of them have.
 */
export interface RunStore {
  /** Resolves when the line of the step is on the disk. */
  commit(step: CommittedStep): Promise<void>;
  /** Journals a change of plan; resolves when it is on the disk. */
  plan(plan: Plan): Promise<void>;
  /** Resolves when the checkpoint is on the disk, or a newer one has taken its place. */
  checkpoint(replica: Replica): Promise<void>;
  /**
   * The newest sound checkpoint, and what the journal says of the steps after it. Waits first for what is being
   * written.
   */
  restore(): Promise<{ replica: Replica; history: readonly JournalledStep[] }>;
  /** The run is over: what is still refused is tried for a while, not for ever. */
  finish(): void;
}

/** Monotonic milliseconds, and wake-ups. */
export interface Clock {
  now(): number;
  /** Calls back once after `delayMs`; returns the cancel function. */
  after(delayMs: number, callback: () => void): () => void;
}
