/**
 * Drives the exchanges of a worker: pieces to and from the other members, one exchange at a time. Which pieces there
 * are, and what is made of them, is `Exchange` of @lockstep/reduce; what a failure means, the coordinator decides.
 */
import { LIMITS, toLockstepError } from '@lockstep/config';
import { encodeMessage, openPeerMessage, withPayload } from '@lockstep/protocol';
import type { Digest, Letter, Opened, PeerMessage, Unreadable, WorkerAction, WorkerEvent } from '@lockstep/protocol';
import { Exchange, fromWire, SQUARES_BLOCK_LENGTH, toWire } from '@lockstep/reduce';
import type { Piece, Wire } from '@lockstep/reduce';
import { ExchangeMemory } from './exchange-memory.js';
import { KeptPieces } from './kept-pieces.js';
import { PeerLinks } from './peer-links.js';
import type { PeerEvent, PeerLinkMaker, RoomForPiece } from './peer-links.js';
import type { Clock, Frames, PeerId, SharedMemory } from './ports.js';
import { viewAsBytes, viewAsFloats } from './replica.js';

type Order = Extract<WorkerAction, { type: 'exchange' }>;

export interface GradientExchangePorts {
  readonly maker: PeerLinkMaker;
  /** Name of this worker, as others know it. */
  readonly self: PeerId;
  /** Absent where memory cannot be shared. */
  readonly shared: SharedMemory | null;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly dispatch: (event: WorkerEvent) => void;
  /** Values in a norm block; only tests take another than the usual. */
  readonly blockLength?: number;
}

/** Blocks in a piece: small enough that sums begin early, large enough that a message's own cost does not count. */
const BLOCKS_IN_PIECE = 4;
/** Where no bytes have to be moved, nothing is gained by more messages. */
const BLOCKS_IN_SHARED_PIECE = 8;
/** Pieces of a vector are larger when there would be more, so that queues stay short. */
const PIECES_MAX = 256;

const EMPTY = new Uint8Array();

interface Running {
  readonly order: Order;
  readonly exchange: Exchange;
  /** How many pieces have gone to each member, and come from it. */
  readonly sent: number[];
  readonly received: number[];
  /** Whether it reads what we lay out in memory, by member. */
  readonly reads: readonly boolean[];
  /** When the last piece came. */
  heardAtMs: number;
  cancelLook: () => void;
  isOver: boolean;
}

/** Pieces of an exchange that this worker has not been told of yet. */
interface Early {
  readonly term: number;
  readonly exchange: number;
  readonly letters: { readonly peer: PeerId; readonly frames: Frames }[];
}

export class GradientExchange {
  readonly #ports: GradientExchangePorts;
  readonly #links: PeerLinks;
  readonly #memory: ExchangeMemory | undefined;
  readonly #kept = new KeptPieces();
  #running: Running | undefined;
  #opened: { readonly header: Uint8Array; readonly opened: Opened<PeerMessage> | Unreadable } | undefined;
  /** Members of the last exchange. */
  #lastMembers = '';
  #early: Early[] = [];
  #earlyBytes = 0;
  /** Whether others read what we lay out in memory. */
  #isShared = false;
  /** A vector that is not needed any more. */
  #spare: Float32Array<ArrayBuffer> | undefined;

  constructor(ports: GradientExchangePorts) {
    this.#ports = ports;
    const roomFor: RoomForPiece = (peer, before, lengthBytes) => this.#roomForPiece(peer, before, lengthBytes);
    this.#links = new PeerLinks(ports.maker, ports.self, (event) => this.#onEvent(event), roomFor);
    this.#memory = ports.shared === null ? undefined : new ExchangeMemory(ports.shared);
  }

  /**
   * Begins to take connections, once.
   * @returns where other workers reach this one
   * @throws LockstepError `unavailable` when there is no address to bind
   */
  listen(): Promise<string> {
    return this.#links.listen();
  }

  /** Begins an exchange; one that went on is void. */
  begin(order: Order): void {
    this.end();
    const { plan, self, held } = order;
    const { clock } = this.#ports;
    const { length, wire } = plan;
    const gradients = new Map([...held].map(([shard, bytes]) => [shard, valuesOf(bytes, wire)]));
    const blockLength = this.#ports.blockLength ?? SQUARES_BLOCK_LENGTH;
    const least = isAllShared(plan) ? BLOCKS_IN_SHARED_PIECE : BLOCKS_IN_PIECE;
    const blocks = Math.max(least, Math.ceil(length / blockLength / PIECES_MAX));
    const setting = { length, members: plan.members.length, self, holders: plan.holders, characters: plan.characters };
    const sizes = { blockLength, pieceLength: blocks * blockLength };
    this.#meet(plan, self);
    const own = plan.members[self]?.sharing ?? null;
    const reads = plan.members.map(({ sharing }, member) => member !== self && own !== null && sharing === own);
    const buffer = this.#roomFor(order, reads);
    if (buffer === null) return;
    const send = (members: readonly number[], piece: Piece, values: Float32Array): void =>
      this.#send(running, members, piece, values);
    this.#kept.begin(sizes.pieceLength);
    const exchange = new Exchange({ ...setting, ...sizes }, gradients, buffer, send, (values) =>
      this.#kept.make(values),
    );
    const running: Running = {
      ...{ order, exchange, heardAtMs: clock.now(), isOver: false },
      reads,
      sent: plan.members.map(() => 0),
      received: plan.members.map(() => 0),
      cancelLook: () => undefined,
    };
    this.#running = running;
    exchange.begin();
    this.#watch(running);
    this.#takeEarly(running);
    this.#conclude(running);
  }

  /** Forgets the exchange that goes on. A piece may be on its way into memory that was made for it. */
  end(): void {
    this.#running?.cancelLook();
    if (this.#running?.exchange.complete === false) this.#kept.abandon();
    if (this.#running !== undefined) this.#running.isOver = true;
    this.#running = undefined;
  }

  /**
   * Where the gradient of a shard that is to be held may be computed, so that others can read it there.
   * @returns null where nobody would, or there is no room
   */
  roomFor(step: number): Uint8Array | null {
    if (!this.#isShared || this.#memory === undefined) return null;
    try {
      return this.#memory.room(step);
    } catch {
      return null;
    }
  }

  /** Gives back a mean gradient that has been applied, to be written to again. */
  recycle(mean: Uint8Array): void {
    this.#memory?.use(mean, false);
    const { buffer, byteLength } = mean;
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    this.#spare = isWhole ? new Float32Array(buffer) : undefined;
  }

  /**
   * Where a piece that begins to come is to be put. Not into memory that is shared: it is used again even when an
   * exchange has come to nothing, while the rest of a piece may still come.
   */
  #roomForPiece(peer: PeerId, [header]: Frames, lengthBytes: number): Uint8Array | null {
    const running = this.#running;
    if (running === undefined || header === undefined || this.#isShared) return null;
    const opened = this.#open(header);
    if ('problem' in opened || !this.#isCurrent(opened.message)) return null;
    const { message } = opened;
    const { plan } = running.order;
    if (plan.members[message.from]?.peer !== peer || (isOfOneShard(message) && plan.wire !== 'float32')) return null;
    const room = running.exchange.roomFor(message.from, message);
    return room?.byteLength === lengthBytes ? viewAsBytes(room) : null;
  }

  #onEvent(event: PeerEvent): void {
    if (event.type === 'message') this.#onFrames(event.peer, event.frames);
    else if (this.#running !== undefined) this.#break(this.#running, event.peer, event.reason);
  }

  /** Lets go of everything; nothing is exchanged any more. */
  async close(lingerMs: number): Promise<void> {
    this.end();
    this.#memory?.release();
    await this.#links.close(lingerMs);
  }

  /** Links up with all others, and lets go of those who are no members any more. */
  #meet({ members }: Order['plan'], self: number): void {
    this.#links.meet(members.filter((_, member) => member !== self));
    const names = members.map(({ peer }) => peer).join();
    if (names !== this.#lastMembers) this.#memory?.release();
    this.#lastMembers = names;
  }

  /** Null where there is no room to share, which is for the coordinator to know: it can do without. */
  #roomFor(order: Order, reads: readonly boolean[]): Float32Array<ArrayBuffer> | null {
    this.#isShared = reads.some(Boolean);
    try {
      return this.#buffer(order.plan);
    } catch (error) {
      const { exchange, members } = order.plan;
      const peer = members[reads.indexOf(true)]?.peer ?? '';
      this.#ports.dispatch({ type: 'exchange-broken', exchange, peer, reason: toLockstepError(error).message });
      return null;
    }
  }

  /** Where the mean is made: where others can read it, if any do. */
  #buffer({ length }: Order['plan']): Float32Array<ArrayBuffer> {
    if (this.#isShared && this.#memory !== undefined) return this.#memory.begin(length);
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.length === length ? spare : new Float32Array(length);
  }

  #send(running: Running, members: readonly number[], piece: Piece, values: Float32Array): void {
    const { digest } = this.#ports;
    const { order, reads, sent } = running;
    const { plan, self } = order;
    const { run, term, exchange } = plan;
    const { kind, start, firstShard, endShard } = piece;
    const about = { type: 'piece', run, term, exchange, from: self, kind, start, firstShard, endShard } as const;
    const isRead = members.some((member) => reads[member]);
    const node = `${firstShard}-${endShard}`;
    const place = isRead ? (this.#memory?.place(values, start, node) ?? null) : null;
    const payload = members.every((member) => reads[member]) ? [] : [this.#payload(running, piece, values)];
    const digests = payload.map(digest);
    for (const member of members) {
      const stamp = { conversation: exchange, sequence: sent[member] ?? 0 };
      sent[member] = stamp.sequence + 1;
      const frames = reads[member]
        ? encodeMessage(digest, { ...about, place }, stamp)
        : encodeMessage(digest, { ...about, place: null }, stamp, payload, digests);
      this.#links.send(plan.members[member]?.peer ?? '', frames);
    }
  }

  /** What lies in shared memory may be written to again while the transport still sends it. */
  #payload({ order }: Running, piece: Piece, values: Float32Array): Uint8Array {
    if (isOfOneShard(piece) && order.plan.wire !== 'float32') return toWire(values, order.plan.wire);
    return viewAsBytes(this.#memory?.holds(values) === true ? values.slice() : values);
  }

  #onFrames(peer: PeerId, frames: Frames): void {
    const [header = EMPTY, ...payload] = frames;
    const opened = this.#open(header);
    const letter = 'problem' in opened ? opened : withPayload(this.#ports.digest, opened, payload);
    const running = this.#running;
    if ('problem' in letter) {
      if (running !== undefined) this.#break(running, peer, letter.what);
      return;
    }
    const { message } = letter;
    const plan = running?.order.plan;
    if (running !== undefined && this.#isCurrent(message)) this.#take(running, peer, letter);
    else if (plan === undefined || isLater(message, plan)) this.#keepEarly(peer, message, frames);
  }

  /** A header is seen twice where its piece is given a place. */
  #open(header: Uint8Array): Opened<PeerMessage> | Unreadable {
    if (this.#opened?.header !== header) {
      this.#opened = { header, opened: openPeerMessage(this.#ports.digest, header) };
    }
    return this.#opened.opened;
  }

  #isCurrent({ run, term, exchange }: PeerMessage): boolean {
    const plan = this.#running?.order.plan;
    return plan?.run === run && plan.term === term && plan.exchange === exchange;
  }

  #take(running: Running, peer: PeerId, { message, stamp, payload }: Letter<PeerMessage>): void {
    const { exchange, order, received } = running;
    const { from } = message;
    const expected = received[from] ?? 0;
    // What comes twice, or after all that is needed has come, is of no use.
    if (exchange.complete || stamp.sequence < expected) return;
    if (order.plan.members[from]?.peer !== peer) return;
    const problem =
      stamp.sequence > expected
        ? `${stamp.sequence - expected} pieces got lost`
        : this.#use(running, message, payload[0] ?? EMPTY);
    received[from] = stamp.sequence + 1;
    running.heardAtMs = this.#ports.clock.now();
    if (problem !== null) this.#break(running, peer, problem);
    else this.#conclude(running);
  }

  /** @returns what is wrong with the piece; null when it fits */
  #use({ exchange, order }: Running, message: PeerMessage, bytes: Uint8Array): string | null {
    const { from, place } = message;
    if (place === null) {
      const isPacked = isOfOneShard(message) && order.plan.wire !== 'float32';
      const values = isPacked ? viewAsBytes(valuesOf(bytes, order.plan.wire)) : bytes;
      return exchange.receive(from, message, values, isPacked || this.#kept.holds(bytes));
    }
    if (this.#memory === undefined) return 'it lies in memory that is not shared';
    try {
      return exchange.receive(from, message, this.#memory.read(place), true);
    } catch (error) {
      return toLockstepError(error).message;
    }
  }

  #conclude(running: Running): void {
    const { exchange, order } = running;
    if (!exchange.complete || running.isOver) return;
    const { mean, squares } = exchange;
    running.cancelLook();
    this.#memory?.use(viewAsBytes(mean), true);
    this.#ports.dispatch({ type: 'exchanged', exchange: order.plan.exchange, squares, mean: viewAsBytes(mean) });
  }

  /** Says so when nothing has come for a while. */
  #watch(running: Running): void {
    const { clock, dispatch } = this.#ports;
    running.cancelLook = clock.after(LIMITS.exchangeQuietMs, () => {
      if (running.isOver || running.exchange.complete) return;
      const { plan } = running.order;
      if (clock.now() - running.heardAtMs >= LIMITS.exchangeQuietMs) {
        const missing = running.exchange.missing.flatMap((member) => plan.members[member]?.peer ?? []);
        dispatch({ type: 'exchange-waits', exchange: plan.exchange, missing });
      }
      this.#watch(running);
    });
  }

  #break(running: Running, peer: PeerId, reason: string): void {
    const isMember = running.order.plan.members.some((member) => member.peer === peer);
    if (!isMember || running.isOver) return;
    this.#ports.dispatch({ type: 'exchange-broken', exchange: running.order.plan.exchange, peer, reason });
  }

  /** Others were told sooner than we. Received memory is the transport's. */
  #keepEarly(peer: PeerId, { term, exchange }: PeerMessage, frames: Frames): void {
    const bytes = frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (this.#earlyBytes + bytes > LIMITS.earlyPiecesBytes) return;
    let early = this.#early.find((one) => one.term === term && one.exchange === exchange);
    if (early === undefined) {
      early = { term, exchange, letters: [] };
      this.#early.push(early);
    }
    this.#earlyBytes += bytes;
    early.letters.push({ peer, frames: frames.map((frame) => frame.slice()) });
  }

  #takeEarly({ order: { plan } }: Running): void {
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const one of early) {
      const isOlder = one.term < plan.term || (one.term === plan.term && one.exchange < plan.exchange);
      if (!isOlder) for (const { peer, frames } of one.letters) this.#onFrames(peer, frames);
    }
  }
}

/** Sums over several shards have more digits than the wire format keeps. */
function isOfOneShard({ kind, firstShard, endShard }: Piece): boolean {
  return kind === 'part' && endShard - firstShard === 1;
}

/** Gradients that have the form in which they travel. */
function valuesOf(bytes: Uint8Array, wire: Wire): Float32Array {
  return wire === 'float32' ? viewAsFloats(bytes) : fromWire(bytes, wire);
}

/** Whether all members are on one machine; all of them come to the same answer. */
function isAllShared({ members }: Order['plan']): boolean {
  const [first] = members;
  return first !== undefined && first.sharing !== null && members.every(({ sharing }) => sharing === first.sharing);
}

function isLater(message: PeerMessage, { term, exchange }: Order['plan']): boolean {
  return message.term > term || (message.term === term && message.exchange > exchange);
}
