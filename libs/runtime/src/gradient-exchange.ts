/**
 * Drives the exchanges of a worker: pieces to and from the other members, one exchange at a time. Which pieces there
 * are, and what is made of them, is `Exchange` of @lockstep/reduce; what a failure means, the coordinator decides.
 */
import { LIMITS } from '@lockstep/config';
import { decodePeerMessage, encodeMessage } from '@lockstep/protocol';
import type { Digest, Letter, PeerMessage, WorkerAction, WorkerEvent } from '@lockstep/protocol';
import { Exchange, fromWire, SQUARES_BLOCK_LENGTH, toWire } from '@lockstep/reduce';
import type { Piece, Wire } from '@lockstep/reduce';
import type { PeerEvent, PeerLinks } from './peer-links.js';
import type { Clock, Frames, PeerId } from './ports.js';
import { viewAsBytes, viewAsFloats } from './replica.js';

type Order = Extract<WorkerAction, { type: 'exchange' }>;

export interface GradientExchangePorts {
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly dispatch: (event: WorkerEvent) => void;
  /** Values in a norm block; only tests take another than the usual. */
  readonly blockLength?: number;
}

/** Blocks in a piece: small enough that sums begin early, large enough that a message's own cost does not count. */
const BLOCKS_IN_PIECE = 2;
/** Pieces of a vector are larger when there would be more, so that queues stay short. */
const PIECES_MAX = 256;

interface Running {
  readonly order: Order;
  readonly exchange: Exchange;
  /** How many pieces have gone to each member, and come from it. */
  readonly sent: number[];
  readonly received: number[];
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
  #running: Running | undefined;
  #early: Early[] = [];
  #earlyBytes = 0;
  /** A vector that is not needed any more. */
  #spare: Float32Array<ArrayBuffer> | undefined;

  constructor(ports: GradientExchangePorts) {
    this.#ports = ports;
  }

  /** Begins an exchange; one that went on is void. */
  begin(order: Order): void {
    this.end();
    const { plan, self, held } = order;
    const { links, clock } = this.#ports;
    const { length, wire } = plan;
    const gradients = new Map([...held].map(([shard, bytes]) => [shard, valuesOf(bytes, wire)]));
    const blockLength = this.#ports.blockLength ?? SQUARES_BLOCK_LENGTH;
    const blocks = Math.max(BLOCKS_IN_PIECE, Math.ceil(length / blockLength / PIECES_MAX));
    const setting = { length, members: plan.members.length, self, holders: plan.holders, characters: plan.characters };
    const sizes = { blockLength, pieceLength: blocks * blockLength };
    links.keep(new Set(plan.members.map(({ endpoint }) => endpoint)));
    const exchange = new Exchange({ ...setting, ...sizes }, gradients, this.#buffer(length), (member, piece, values) =>
      this.#send(running, member, piece, values),
    );
    const running: Running = {
      ...{ order, exchange, heardAtMs: clock.now(), isOver: false },
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

  /** Forgets the exchange that goes on. */
  end(): void {
    this.#running?.cancelLook();
    if (this.#running !== undefined) this.#running.isOver = true;
    this.#running = undefined;
  }

  /** Gives back a mean gradient that has been applied, to be written to again. */
  recycle(mean: Uint8Array): void {
    this.#spare = mean.buffer instanceof ArrayBuffer ? new Float32Array(mean.buffer) : undefined;
  }

  onEvent(event: PeerEvent): void {
    if (event.type === 'message') this.#onFrames(event.peer, event.frames);
    else this.#onBroken(event);
  }

  #buffer(length: number): Float32Array<ArrayBuffer> {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.length === length ? spare : new Float32Array(length);
  }

  #send(running: Running, member: number, { kind, start, firstShard, endShard }: Piece, values: Float32Array): void {
    const { links, digest } = this.#ports;
    const { plan, self } = running.order;
    const { run, term, exchange } = plan;
    const message = { type: 'piece', run, term, exchange, from: self, kind, start, firstShard, endShard } as const;
    const endpoint = plan.members[member]?.endpoint ?? '';
    const bytes = isOfOneShard(message) ? toWire(values, plan.wire) : viewAsBytes(values);
    const sequence = running.sent[member] ?? 0;
    const stamp = { conversation: exchange, sequence };
    running.sent[member] = sequence + 1;
    links.send(endpoint, encodeMessage(digest, message, stamp, [bytes]));
  }

  #onFrames(peer: PeerId, frames: Frames): void {
    const running = this.#running;
    const letter = decodePeerMessage(this.#ports.digest, frames);
    if ('problem' in letter) {
      if (running !== undefined) this.#break(running, peer, letter.what);
      return;
    }
    const { message } = letter;
    const plan = running?.order.plan;
    const isCurrent = plan?.run === message.run && plan.term === message.term && plan.exchange === message.exchange;
    if (isCurrent && running !== undefined) this.#take(running, peer, letter);
    else if (plan === undefined || isLater(message, plan)) this.#keepEarly(peer, message, frames);
  }

  #take(running: Running, peer: PeerId, { message, stamp, payload: [bytes] }: Letter<PeerMessage>): void {
    const { exchange, order, received } = running;
    const { from } = message;
    const expected = received[from] ?? 0;
    // What comes twice, or after all that is needed has come, is of no use.
    if (bytes === undefined || exchange.complete || stamp.sequence < expected) return;
    if (order.plan.members[from]?.peer !== peer) return;
    const values = isOfOneShard(message) ? viewAsBytes(valuesOf(bytes, order.plan.wire)) : bytes;
    const problem =
      stamp.sequence > expected
        ? `${stamp.sequence - expected} pieces got lost`
        : exchange.receive(from, message, values);
    received[from] = stamp.sequence + 1;
    running.heardAtMs = this.#ports.clock.now();
    if (problem !== null) this.#break(running, peer, problem);
    else this.#conclude(running);
  }

  #conclude(running: Running): void {
    const { exchange, order } = running;
    if (!exchange.complete || running.isOver) return;
    const { mean, squares } = exchange;
    running.cancelLook();
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

  #onBroken({ with: other, reason }: Extract<PeerEvent, { type: 'broken' }>): void {
    const running = this.#running;
    const member = running?.order.plan.members.find((one) =>
      'peer' in other ? one.peer === other.peer : one.endpoint === other.endpoint,
    );
    if (running !== undefined && member !== undefined) this.#break(running, member.peer, reason);
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
function isOfOneShard({ kind, firstShard, endShard }: PeerMessage): boolean {
  return kind === 'part' && endShard - firstShard === 1;
}

/** Gradients that have the form in which they travel. */
function valuesOf(bytes: Uint8Array, wire: Wire): Float32Array {
  return wire === 'float32' ? viewAsFloats(bytes) : fromWire(bytes, wire);
}

function isLater(message: PeerMessage, { term, exchange }: Order['plan']): boolean {
  return message.term > term || (message.term === term && message.exchange > exchange);
}
