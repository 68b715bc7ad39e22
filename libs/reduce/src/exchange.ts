/**
 * One member's part in summing a vector among several: reduce-scatter, then all-gather (Patarasuk and Yuan, "Bandwidth
 * optimal all-reduce algorithms for clusters of workstations", 2009, here between all pairs instead of along a ring).
 * Each member owns one slice. It is sent the parts of the slice that others hold, sums them along the tree over shards,
 * takes the mean, and gives the finished piece to all. Pieces are sums as soon as they are whole, so that sending,
 * summing and sending back overlap. Only arithmetic and bookkeeping: sending is the caller's.
 */
import { invariant } from '@lockstep/config';
import { addTogether, meanTogether } from '@lockstep/vector';
import { bytesOf } from './digest.js';
import { heldNodes, nodeSum } from './node-sum.js';
import type { ShardRange } from './node-sum.js';
import { piecesOf, slicesOf } from './slices.js';
import type { Slice } from './slices.js';

export interface ExchangeSetting {
  /** Values in the vector. */
  readonly length: number;
  readonly members: number;
  /** Place of this member. */
  readonly self: number;
  /** For each shard the place of the member that holds its gradient. */
  readonly holders: readonly number[];
  /** Number of characters in the whole batch. */
  readonly characters: number;
  /** Values in a block of squares: `SQUARES_BLOCK_LENGTH`, or another multiple of 16 in a test. */
  readonly blockLength: number;
  /** A multiple of `blockLength`. */
  readonly pieceLength: number;
}

/** What some values are. */
export interface Piece {
  readonly kind: 'part' | 'mean';
  /** Index of the first value in the vector. */
  readonly start: number;
  /** Of a part: it is the sum over these shards; 0 and 0 of a mean. */
  readonly firstShard: number;
  readonly endShard: number;
}

/** Values must not be written to again by the receivers, nor by this side. */
export type SendPiece = (members: readonly number[], piece: Piece, values: Float32Array) => void;

/** Memory for so many values, which stay there until the exchange is over. */
export type MakeRoom = (length: number) => Float32Array;

/** A piece of our own slice that is not summed yet. */
interface OpenPiece {
  readonly slice: Slice;
  readonly parts: Map<string, Float32Array>;
  /** Nodes of others that have not come. */
  missing: number;
}

const MEAN = { kind: 'mean', firstShard: 0, endShard: 0 } as const;

export class Exchange {
  /** The mean gradient; whole once `complete`. */
  readonly mean: Float32Array<ArrayBuffer>;
  readonly #setting: ExchangeSetting;
  readonly #send: SendPiece;
  readonly #makeRoom: MakeRoom;
  readonly #held: ReadonlyMap<number, Float32Array>;
  /** Nodes of the tree that each member holds. */
  readonly #nodes: readonly (readonly ShardRange[])[];
  readonly #open = new Map<number, OpenPiece>();
  /** Starts of the pieces of others' slices that have not come. */
  readonly #awaited: readonly Set<number>[];
  readonly #slices: readonly Slice[];
  readonly #squares: number[] = [];

  /**
   * @param held the gradients of the shards that this member holds; not written to
   * @param buffer as long as the vector, to be written to
   */
  constructor(
    setting: ExchangeSetting,
    held: ReadonlyMap<number, Float32Array>,
    buffer: Float32Array<ArrayBuffer>,
    send: SendPiece,
    makeRoom: MakeRoom,
  ) {
    const { length, members, holders, blockLength, pieceLength, self } = setting;
    invariant(pieceLength % blockLength === 0, `a piece of ${pieceLength} values in blocks of ${blockLength}`);
    invariant(buffer.length === length, `a buffer of ${buffer.length} values for ${length}`);
    this.#setting = setting;
    this.#send = send;
    this.#makeRoom = makeRoom;
    this.#held = held;
    this.mean = buffer;
    this.#slices = slicesOf(length, members, blockLength);
    this.#nodes = this.#slices.map((_, member) => heldNodes(holders.length, (shard) => holders[shard] === member));
    this.#awaited = this.#slices.map((slice, member) => {
      return new Set(member === self ? [] : piecesOf(slice, pieceLength).map(({ start }) => start));
    });
  }

  /** Sends what others need, and sums what nobody else has a part in. */
  begin(): void {
    const { members, self, pieceLength } = this.#setting;
    const own = this.#slices[self] ?? { start: 0, end: 0 };
    const missing = this.#nodes.reduce((count, nodes, member) => count + (member === self ? 0 : nodes.length), 0);
    for (const slice of piecesOf(own, pieceLength)) this.#open.set(slice.start, { slice, parts: new Map(), missing });
    const others = othersAfter(self, members);
    const pieces = others.map((member) => piecesOf(this.#slices[member] ?? own, pieceLength));
    const most = Math.max(0, ...pieces.map(({ length }) => length));
    for (let index = 0; index < most; index += 1) {
      others.forEach((member, order) => {
        const slice = pieces[order]?.[index];
        if (slice !== undefined) this.#sendParts(member, slice);
      });
    }
    if (missing === 0) for (const piece of [...this.#open.values()]) this.#finish(piece);
  }

  /** Where a piece that another member sends is to be put; null for one that is not awaited. */
  roomFor(from: number, piece: Piece): Float32Array | null {
    if (piece.kind === 'mean') {
      const slice = this.#awaitedMean(from, piece.start);
      return slice === null ? null : this.mean.subarray(slice.start, slice.end);
    }
    const open = this.#awaitedPart(from, piece);
    return typeof open === 'string' ? null : this.#makeRoom(open.slice.end - open.slice.start);
  }

  /**
   * Takes what another member sent.
   * @param stays whether the bytes stay as they are until the exchange is over; otherwise they are copied where needed
   * @returns what is wrong with it; null when it fits
   */
  receive(from: number, piece: Piece, bytes: Uint8Array, stays = false): string | null {
    return piece.kind === 'mean' ? this.#takeMean(from, piece, bytes) : this.#takePart(from, piece, bytes, stays);
  }

  get complete(): boolean {
    return this.#open.size === 0 && this.#awaited.every(({ size }) => size === 0);
  }

  /** Squares of the norm blocks of our own slice, in order; whole once `complete`. */
  get squares(): readonly number[] {
    return this.#squares;
  }

  /** Places of the members of whom something is awaited. */
  get missing(): readonly number[] {
    const missing = new Set<number>();
    this.#awaited.forEach(({ size }, member) => {
      if (size > 0) missing.add(member);
    });
    for (const { parts } of this.#open.values()) {
      this.#nodes.forEach((nodes, member) => {
        if (member !== this.#setting.self && nodes.some((node) => !parts.has(keyOf(node)))) missing.add(member);
      });
    }
    return [...missing].sort((a, b) => a - b);
  }

  #sendParts(member: number, { start, end }: Slice): void {
    for (const node of this.#nodes[this.#setting.self] ?? []) {
      const about = { kind: 'part', start, firstShard: node.first, endShard: node.end } as const;
      this.#send([member], about, this.#partOf(node, start, end));
    }
  }

  /** The sum over a node whose shards are all held here. */
  #partOf(node: ShardRange, start: number, end: number): Float32Array {
    const view = (shard: number): Float32Array => {
      const gradient = this.#held.get(shard);
      invariant(gradient?.length === this.#setting.length, `the gradient of shard ${shard} is not held`);
      return gradient.subarray(start, end);
    };
    if (node.end - node.first === 1) return view(node.first);
    const sum = new Float32Array(end - start);
    const { inputs, additions } = nodeSum(node, (inner) =>
      inner.end - inner.first === 1 ? view(inner.first) : undefined,
    );
    addTogether(sum, inputs, additions);
    return sum;
  }

  #takePart(from: number, about: Piece, bytes: Uint8Array, stays: boolean): string | null {
    const piece = this.#awaitedPart(from, about);
    if (typeof piece === 'string') return piece;
    if (bytes.byteLength !== lengthBytes(piece.slice)) return `a part of ${bytes.byteLength} bytes`;
    piece.missing -= 1;
    // What completes the piece is used at once, where it lies.
    const inPlace = piece.missing === 0 || stays ? aligned(bytes) : undefined;
    piece.parts.set(keyOf({ first: about.firstShard, end: about.endShard }), inPlace ?? this.#kept(bytes));
    if (piece.missing === 0) this.#finish(piece);
    return null;
  }

  /** @returns what is wrong with it, when it is not awaited */
  #awaitedPart(from: number, { start, firstShard, endShard }: Piece): OpenPiece | string {
    const piece = this.#open.get(start);
    const isTheirs = this.#nodes[from]?.some(({ first, end }) => first === firstShard && end === endShard) ?? false;
    if (from === this.#setting.self || !isTheirs) return `a part over shards ${firstShard} to ${endShard} not theirs`;
    const isAwaited = piece !== undefined && !piece.parts.has(keyOf({ first: firstShard, end: endShard }));
    return isAwaited ? piece : `a part at ${start} that is not awaited`;
  }

  #kept(bytes: Uint8Array): Float32Array {
    const room = this.#makeRoom(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
    bytesOf(room).set(bytes);
    return room;
  }

  #takeMean(from: number, { start }: Piece, bytes: Uint8Array): string | null {
    const slice = this.#awaitedMean(from, start);
    if (slice === null) return `a mean at ${start} that is not awaited`;
    if (bytes.byteLength !== lengthBytes(slice)) return `a mean of ${bytes.byteLength} bytes`;
    const place = bytesOf(this.mean.subarray(slice.start, slice.end));
    if (place.buffer !== bytes.buffer || place.byteOffset !== bytes.byteOffset) place.set(bytes);
    this.#awaited[from]?.delete(start);
    return null;
  }

  #awaitedMean(from: number, start: number): Slice | null {
    const slice = this.#slices[from];
    if (this.#awaited[from]?.has(start) !== true || slice === undefined) return null;
    return { start, end: Math.min(slice.end, start + this.#setting.pieceLength) };
  }

  /** Sums a piece of our slice of which all parts are there, and gives it to the others. */
  #finish({ slice, parts }: OpenPiece): void {
    const { start, end } = slice;
    const { holders, characters, blockLength, members, self } = this.#setting;
    for (const node of this.#nodes[self] ?? []) parts.set(keyOf(node), this.#partOf(node, start, end));
    const values = this.mean.subarray(start, end);
    const tree = { first: 0, end: holders.length };
    const { inputs, additions } = nodeSum(tree, (node) => parts.get(keyOf(node)));
    const firstBlock = (start - (this.#slices[self]?.start ?? 0)) / blockLength;
    meanTogether(values, inputs, additions, characters, blockLength).forEach((square, index) => {
      this.#squares[firstBlock + index] = square;
    });
    this.#open.delete(start);
    this.#send(othersAfter(self, members), { ...MEAN, start }, values);
  }
}

/** All other members, so that no two begin with the same one. */
function othersAfter(self: number, members: number): readonly number[] {
  return Array.from({ length: members - 1 }, (_, index) => (self + 1 + index) % members);
}

function keyOf({ first, end }: ShardRange): string {
  return `${first}-${end}`;
}

function lengthBytes({ start, end }: Slice): number {
  return (end - start) * Float32Array.BYTES_PER_ELEMENT;
}

/** The floats where they lie, if they can be read there. */
function aligned({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array | undefined {
  if (byteOffset % Float32Array.BYTES_PER_ELEMENT !== 0) return undefined;
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}
