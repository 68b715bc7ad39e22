/**
 * The bytes that go with the coordinator's messages. The machine names them; here they are made, kept as long as they
 * are needed, and digested once however many workers they go to.
 */
import { invariant } from '@lockstep/config';
import { encodeMessage } from '@lockstep/protocol';
import type { CoordinatorAction, Digest, PayloadSource } from '@lockstep/protocol';
import type { Frames } from './ports.js';
import { partOfReplica } from './replica.js';
import type { Replica } from './replica.js';

export interface Batches {
  /** Windows of rows [rowStart, rowEnd) of a step's batch, int32 bytes, rows x (sequence length + 1). */
  windows(step: number, rowStart: number, rowEnd: number): Uint8Array;
  /** Windows of one batch of the validation text. */
  evaluation(index: number): Uint8Array;
}

interface Digested {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

export class Payloads {
  readonly #batches: Batches;
  readonly #digest: Digest;
  #gradient: Digested | undefined;
  #replica: Replica | undefined;
  readonly #parts = new Map<number, Digested>();

  constructor(batches: Batches, digest: Digest) {
    this.#batches = batches;
    this.#digest = digest;
  }

  /** Keeps a replica for joiners, in place of an earlier one. */
  hold(replica: Replica): void {
    this.release();
    this.#replica = replica;
  }

  release(): void {
    this.#replica = undefined;
    this.#parts.clear();
  }

  /** The mean gradient of the step that is updated now. */
  setGradient(bytes: Uint8Array): void {
    this.#gradient = this.#digested(bytes);
  }

  /** The update is sent to all: the transport has the mean gradient, which is not needed here any more. */
  forgetGradient(): void {
    this.#gradient = undefined;
  }

  /** A message as the transport takes it. */
  encode({ message, stamp, payload }: Extract<CoordinatorAction, { type: 'send' }>): Frames {
    const made = this.#make(payload);
    if (made === null) return encodeMessage(this.#digest, message, stamp);
    return encodeMessage(this.#digest, message, stamp, [made.bytes], [made.digest]);
  }

  #make(source: PayloadSource): Digested | null {
    switch (source.kind) {
      case 'none':
        return null;
      case 'windows':
        return this.#digested(this.#batches.windows(source.step, source.rowStart, source.rowEnd));
      case 'evaluation':
        return this.#digested(this.#batches.evaluation(source.index));
      case 'gradient':
        invariant(this.#gradient !== undefined, 'an update before anything was reduced');
        return this.#gradient;
      case 'replica':
        return this.#part(source.part);
    }
  }

  #part(index: number): Digested {
    invariant(this.#replica !== undefined, 'a replica is sent that is not held');
    const part = this.#parts.get(index) ?? this.#digested(partOfReplica(this.#replica, index));
    this.#parts.set(index, part);
    return part;
  }

  #digested(bytes: Uint8Array): Digested {
    return { bytes, digest: this.#digest(bytes) };
  }
}
